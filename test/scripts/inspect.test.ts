import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { embeddedTexts, executableProblems } from '../../scripts/inspect';
import { signAdHoc } from '../../scripts/macho-signature';
import { stampOf } from '../../scripts/stamp';
import { TARGETS, type Target } from '../../scripts/targets';
import { EXECUTABLE } from '../support/executable';
import { appended, elf, machO, pe } from '../support/executables';

const EMBEDDED = { version: '1.2.3', commit: 'abc', texts: new Map([['0001_first.sql', 'CREATE TABLE "first"']]) };
const ENTRY = '// @bun @bytecode\nimport("/$bunfs/root/main-12ab34cd.js")';
const MODULES = {
  'ao-migrate': ENTRY,
  'main-12ab34cd.js': '// @bun @bytecode\nlet a="1.2.3",b="abc",c="/$bunfs/root/0001_first-0a1b2c3d.sql"',
  '0001_first-0a1b2c3d.sql': 'CREATE TABLE "first"',
};
const PAYLOAD = appended(MODULES);
const but = (changed: Readonly<Record<string, string>>): Uint8Array =>
  elf({ payload: appended({ ...MODULES, ...changed }) });
const onWindows = Object.fromEntries(
  Object.entries(MODULES).map(([name, text]) => [name, text.replace('/$bunfs/root/', 'B:/~BUN/root/')]),
);

function named(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found === undefined) throw new Error(`no target ${name}`);
  return found;
}

/** The problems besides the size, which no stand-in has. */
function problems(bytes: Uint8Array, target: string): readonly string[] {
  const [size, ...others] = executableProblems(bytes, named(target), EMBEDDED);
  expect(size).toMatch(/^it has \d+ bytes$/);
  return others;
}

const mac = (payload: string, cpu: 'x64' | 'arm64' = 'x64') =>
  signAdHoc(machO({ cpu, code: 20_000, payload }), 'ao-migrate');

describe('what is right has no problem', () => {
  test.each([
    ['linux-x64', elf({ payload: PAYLOAD })],
    ['linux-x64-musl', elf({ payload: PAYLOAD, interpreter: '/lib/ld-musl-x86_64.so.1' })],
    ['linux-arm64', elf({ payload: PAYLOAD, machine: 183, interpreter: '/lib/ld-linux-aarch64.so.1', type: 3 })],
    ['win32-x64', pe({ payload: appended(onWindows, 'B:/~BUN/root/') })],
    ['win32-arm64', pe({ payload: PAYLOAD, machine: 0xaa64 })],
    ['darwin-x64', mac(PAYLOAD)],
    ['darwin-arm64', mac(PAYLOAD, 'arm64')],
  ])('%s', (target, bytes) => expect(problems(bytes, target)).toEqual([]));
});

describe('what is wrong is named', () => {
  test.each([
    ['linux-x64', elf({ payload: PAYLOAD, machine: 183 }), 'it is for arm64'],
    ['linux-x64', elf({ payload: PAYLOAD, machine: 3 }), 'an ELF file for another processor'],
    ['linux-x64', elf({ payload: PAYLOAD, type: 1 }), 'it is no executable'],
    [
      'linux-x64',
      elf({ payload: PAYLOAD, interpreter: '/lib/ld-musl-x86_64.so.1' }),
      'its loader is /lib/ld-musl-x86_64.so.1',
    ],
    ['linux-x64', pe({ payload: PAYLOAD }), 'not an ELF file'],
    ['linux-x64', elf({ payload: PAYLOAD }).subarray(0, 200), 'a table of the ELF file lies outside of it'],
    ['linux-x64', elf({ payload: PAYLOAD.replace('---- Bun! ----', '') }), 'nothing is embedded: it is a plain Bun'],
    ['linux-x64', elf({ payload: PAYLOAD.slice(200) }), 'the table of its modules lies outside of it'],
    ['linux-x64', elf({ payload: appended({}) }), 'its modules are listed in an unknown way'],
    ['linux-x64', but({ '0001_first-0a1b2c3d.sql': 'DROP TABLE "first"' }), '0001_first.sql is not inside'],
    ['linux-x64', elf({ payload: PAYLOAD.replace('1.2.3', '1.2.4') }), 'the version is not inside'],
    ['linux-x64', elf({ payload: PAYLOAD.replace('abc', 'abd') }), 'the commit is not inside'],
    ['linux-x64', but({ 'ao-migrate': ENTRY.replace('main', 'gone') }), 'gone-12ab34cd.js is loaded but not inside'],
    ['linux-x64', but({ 'main-12ab34cd.js': '' }), 'main-12ab34cd.js is empty'],
    ['linux-x64', elf({ payload: appended(MODULES, '/$bunfs/root/', '') }), 'ao-migrate has no bytecode'],
    ['linux-x64', elf({ payload: appended({ 'a.sql': 'x' }) }), 'it has no code of ours'],
    ['win32-x64', pe({ payload: PAYLOAD, machine: 0xaa64 }), 'it is for arm64'],
    ['win32-x64', pe({ payload: PAYLOAD, subsystem: 2 }), 'it is no console program'],
    ['win32-x64', pe({ payload: PAYLOAD, certificate: 8 }), "it carries Bun's Authenticode signature over other bytes"],
    ['win32-x64', elf({ payload: PAYLOAD }), 'not a Windows executable'],
    ['darwin-x64', mac(PAYLOAD, 'arm64'), 'it is for arm64'],
    ['darwin-arm64', machO({ cpu: 'arm64', code: 20_000, payload: PAYLOAD }), 'the identifier is "old"'],
  ])('%s: %#', (target, bytes, message) => expect(problems(bytes, target)).toContain(message));
});

test('the executable of this machine is right', () => {
  const [os, cpu] = [process.platform, process.arch];
  const target = TARGETS.find((each) => each.os === os && each.cpu === cpu && each.libc !== 'musl');
  if (target === undefined) throw new Error('no target');
  const texts = embeddedTexts();
  expect(texts.size).toBe(12);
  const bytes = readFileSync(EXECUTABLE);
  // Tests do not build: the tree may have got another commit since.
  const { version } = stampOf(process.cwd());
  const found = executableProblems(bytes, target, { version, commit: '', texts });
  expect(found.filter((problem) => problem !== 'the commit is not inside')).toEqual([]);
});
