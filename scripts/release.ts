/**
 * `bun run release`: builds all, checks, packs, signs if a key is configured, and publishes to npm, platforms first.
 * `--dry-run` does all of it but publishing; `--built` takes dist/release as it is (the workflow has built and tested it).
 * Run again after a failure: what is done is not done again.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildTargets } from './build';
import { embeddedTexts, executableProblems } from './inspect';
import { npmRegistry, pretendedRegistry, publicationOf } from './npm-registry';
import { packAll } from './package';
import {
  INSTALL_SCRIPTS,
  MANIFEST_FILE,
  type Manifest,
  publishedName,
  SUMS_FILE,
  sha256Of,
  writeReleaseFiles,
} from './release-files';
import { publishAll } from './release-steps';
import { releasesAddress } from './repository';
import { must } from './run';
import { TARGETS } from './targets';

const ROOT = resolve(import.meta.dir, '..');
const RELEASE = join(ROOT, 'dist', 'release');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Every file of the release is the one of its list, and every executable is inspected again. */
function checkRelease(manifest: Manifest): void {
  for (const line of readFileSync(join(RELEASE, SUMS_FILE), 'utf8').trim().split('\n')) {
    const [sum, name = ''] = line.split('  ');
    if (sha256Of(readFileSync(join(RELEASE, name))) !== sum) throw new Error(`${name} is not the file of ${SUMS_FILE}`);
  }
  const embedded = { version: manifest.version, commit: manifest.sourceCommit, texts: embeddedTexts(ROOT) };
  for (const target of TARGETS) {
    const problems = executableProblems(readFileSync(join(RELEASE, publishedName(target))), target, embedded);
    if (problems.length > 0) throw new Error(`${target.name}: ${problems.join('; ')}`);
  }
  say(`checked: ${manifest.files.length} files, version ${manifest.version}, commit ${manifest.sourceCommit}`);
}

/** A signature over the list of checksums vouches for all files. The keys are the publisher's. */
function sign(): void {
  const { MINISIGN_KEY: minisign, COSIGN_KEY: cosign } = process.env;
  const sums = join(RELEASE, SUMS_FILE);
  if (minisign !== undefined && minisign !== '') {
    must(['minisign', '-S', '-W', '-s', minisign, '-m', sums], RELEASE, process.env);
    say(`signed: ${SUMS_FILE}.minisig`);
  } else if (cosign !== undefined && cosign !== '') {
    must(
      ['cosign', 'sign-blob', '--yes', `--key=${cosign}`, `--output-signature=${sums}.sig`, sums],
      RELEASE,
      process.env,
    );
    say(`signed: ${SUMS_FILE}.sig`);
  } else say('not signed: neither MINISIGN_KEY nor COSIGN_KEY names a key');
}

/**
 * What must hold before anything can be published, in words for the person who releases.
 *
 * @param scripts texts of the install scripts of the release
 */
export function obstacles(
  manifest: Pick<Manifest, 'sourceCommit' | 'version'>,
  releases: string,
  scripts: readonly string[],
): readonly string[] {
  const found: string[] = [];
  if (manifest.sourceCommit === '') found.push('the source commit is unknown');
  if (manifest.sourceCommit.endsWith('-dirty')) found.push('the tree has changes that are not committed');
  if (releases === '')
    found.push('the repository is unknown: name it in package.json, or set GITHUB_SERVER_URL and GITHUB_REPOSITORY');
  else if (!scripts.every((script) => script.includes(releases)))
    found.push(`dist/release was built for another repository than that of ${releases}: build it again`);
  return found;
}

async function release(args: readonly string[]): Promise<void> {
  const foreign = args.find((arg) => !['--dry-run', '--built'].includes(arg));
  if (foreign !== undefined) throw new Error(`unknown argument ${foreign}`);
  const dryRun = args.includes('--dry-run');
  if (!args.includes('--built')) {
    buildTargets(TARGETS, { twice: true, said: say });
    await writeReleaseFiles(ROOT, { archives: true, said: say });
  }
  if (!existsSync(join(RELEASE, MANIFEST_FILE))) throw new Error('dist/release is not there: leave --built out');
  const manifest: Manifest = JSON.parse(readFileSync(join(RELEASE, MANIFEST_FILE), 'utf8'));
  checkRelease(manifest);
  const scripts = INSTALL_SCRIPTS.map((name) => readFileSync(join(RELEASE, name), 'utf8'));
  const found = obstacles(manifest, releasesAddress(ROOT), scripts);
  for (const obstacle of found) say(`${dryRun ? 'would stop a release' : 'stopped'}: ${obstacle}`);
  if (found.length > 0 && !dryRun) throw new Error('nothing was published');
  sign();
  const packages = packAll(ROOT).map(publicationOf);
  for (const { name, size } of packages) say(`packed: ${name.padEnd(32)}${String(size).padStart(12)}`);
  const registry = dryRun ? pretendedRegistry(process.env) : npmRegistry(process.env);
  await publishAll(packages, registry, dryRun ? (line) => say(`dry run: ${line}`) : say);
}

if (import.meta.main) {
  try {
    await release(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`release stopped: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
