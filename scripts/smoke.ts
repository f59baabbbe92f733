/** `bun scripts/smoke.ts TARGET`: runs one published executable on its own system; used by the release workflow. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { embeddedTexts, executableProblems } from './inspect';
import { MANIFEST_FILE, type Manifest, publishedName } from './release-files';
import { TARGETS } from './targets';
import { tried } from './trial-executables';

const RELEASE = resolve(import.meta.dir, '../dist/release');
const target = TARGETS.find(({ name }) => name === process.argv[2]);
if (target === undefined) throw new Error(`name one of ${TARGETS.map(({ name }) => name).join(', ')}`);
const manifest: Manifest = JSON.parse(readFileSync(join(RELEASE, MANIFEST_FILE), 'utf8'));
const file = join(RELEASE, publishedName(target));
const work = mkdtempSync(join(tmpdir(), 'ao-migrate-smoke-'));
try {
  // What came through an archive of the workflow has lost its mode.
  chmodSync(file, 0o755);
  const embedded = { version: manifest.version, commit: manifest.sourceCommit, texts: embeddedTexts() };
  const problems = executableProblems(readFileSync(file), target, embedded);
  if (problems.length > 0) throw new Error(problems.join('; '));
  process.stdout.write(`${target.name}: ${tried([file], manifest.version, work)}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
