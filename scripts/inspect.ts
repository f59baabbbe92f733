/**
 * `bun run inspect`: looks into executables that cannot run on this machine, and into those that can (distribution.md
 * 4): format and processor, loader, subsystem, signature, size, and whether what is embedded is inside.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseElf } from './elf';
import { parseMachO, segmentNamed } from './macho';
import { signatureProblems } from './macho-signature';
import { graphProblems, type Module, modulesOf } from './module-graph';
import { parsePe } from './pe';
import { TARGETS, type Target } from './targets';

const ROOT = resolve(import.meta.dir, '..');

/** Identifier in the signatures of the macOS files. */
export const SIGNATURE_IDENTIFIER = 'ao-migrate';

/** What an executable must hold. */
export interface Embedded {
  readonly version: string;
  /** Empty where it was built outside of a repository. */
  readonly commit: string;
  /** Files that are embedded as they are, by their names, to which the bundler adds a hash. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Bytes; wide enough for a Bun of the same line, narrow enough to see a plain or doubled runtime. */
const SIZE = { least: 75_000_000, most: 130_000_000 };

const LOADERS: Readonly<Record<string, string>> = {
  'linux-x64': '/lib64/ld-linux-x86-64.so.2',
  'linux-arm64': '/lib/ld-linux-aarch64.so.1',
  'linux-x64-musl': '/lib/ld-musl-x86_64.so.1',
  'linux-arm64-musl': '/lib/ld-musl-aarch64.so.1',
};

/** What is wrong with an executable; empty if nothing is. */
export function executableProblems(bytes: Uint8Array, target: Target, embedded: Embedded): readonly string[] {
  const problems: string[] = [];
  if (bytes.length < SIZE.least || bytes.length > SIZE.most) problems.push(`it has ${bytes.length} bytes`);
  try {
    const { payload, problems: ofFormat } = formatOf(bytes, target);
    return [...problems, ...ofFormat, ...payloadProblems(payload, embedded)];
  } catch (error) {
    return [...problems, error instanceof Error ? error.message : String(error)];
  }
}

interface Format {
  /** What Bun has added to its own runtime. */
  readonly payload: Uint8Array;
  readonly problems: readonly string[];
}

function formatOf(bytes: Uint8Array, target: Target): Format {
  if (target.os === 'darwin') return machOFormat(bytes, target);
  return target.os === 'win32' ? peFormat(bytes, target) : elfFormat(bytes, target);
}

const wrongCpu = (cpu: string, target: Target): string[] => (cpu === target.cpu ? [] : [`it is for ${cpu}`]);

function machOFormat(bytes: Uint8Array, target: Target): Format {
  const file = parseMachO(bytes);
  const section = segmentNamed(file, '__BUN').sections[0];
  const problems = [...wrongCpu(file.cpu, target), ...signatureProblems(bytes, SIGNATURE_IDENTIFIER)];
  if (!file.executable) problems.push('it is no executable');
  return { payload: part(bytes, section?.fileOffset, section?.size), problems };
}

function peFormat(bytes: Uint8Array, target: Target): Format {
  const file = parsePe(bytes);
  const section = file.sections.find(({ name }) => name === '.bun');
  const problems = wrongCpu(file.cpu, target);
  if (!file.console) problems.push('it is no console program');
  if (file.signed) problems.push("it carries Bun's Authenticode signature over other bytes");
  return { payload: part(bytes, section?.offset, section?.size), problems };
}

function elfFormat(bytes: Uint8Array, target: Target): Format {
  const file = parseElf(bytes);
  const section = file.sections.find(({ name }) => name === '.bun');
  const problems = wrongCpu(file.cpu, target);
  if (!file.executable) problems.push('it is no executable');
  if (file.interpreter !== LOADERS[target.name]) problems.push(`its loader is ${file.interpreter}`);
  return { payload: part(bytes, section?.offset, section?.size), problems };
}

function part(bytes: Uint8Array, offset: number | undefined, size: number | undefined): Uint8Array {
  if (offset === undefined || size === undefined) throw new Error('it has no section of Bun');
  return bytes.subarray(offset, offset + size);
}

function payloadProblems(payload: Uint8Array, { version, commit, texts }: Embedded): string[] {
  const modules = modulesOf(payload);
  const said = (text: string): boolean => modules.some(({ contents }) => contents.includes(`"${text}"`));
  const lacks = [...texts].filter(([file, text]) => !modules.some((each) => isFile(each, file, text)));
  return [
    ...graphProblems(modules),
    ...(said(version) ? [] : ['the version is not inside']),
    ...(said(commit) ? [] : ['the commit is not inside']),
    ...lacks.map(([file]) => `${file} is not inside`),
  ];
}

function isFile({ name, contents }: Module, file: string, text: string): boolean {
  const [, stem, ending] = /^(.+)-[0-9a-z]{8}(\.\w+)$/.exec(name) ?? [];
  return `${stem}${ending}` === file && contents.toString('utf8') === text;
}

/** The files that are embedded whole: those that make the database. */
export function embeddedTexts(root: string = ROOT): ReadonlyMap<string, string> {
  const folder = join(root, 'migrations');
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

if (import.meta.main) {
  const { stampOf } = await import('./stamp');
  const stamp = stampOf(ROOT);
  const named = process.argv.slice(2);
  for (const target of TARGETS.filter(({ name }) => named.length === 0 || named.includes(name))) {
    const bytes = readFileSync(join(ROOT, 'dist', target.name, target.file));
    const problems = executableProblems(bytes, target, { ...stamp, texts: embeddedTexts() });
    const words = problems.length === 0 ? 'right' : problems.join('; ');
    process.stdout.write(`${target.name.padEnd(18)}${String(bytes.length).padStart(12)}  ${words}\n`);
    if (problems.length > 0) process.exitCode = 1;
  }
}
