import { afterAll, expect, test } from 'bun:test';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Note } from '../../src/contracts/notes';
import { NOTE_CODES } from '../../src/contracts/notes';
import type { Plan } from '../../src/contracts/plan';
import { Refusal, UsageError } from '../../src/contracts/refusals';
import { decodeConfig, encodeConfig } from '../../src/rewrite/config';
import { readDaemonTime } from '../support/daemon-time';
import { type Home, legacyFixture, realFixture } from '../support/home';
import { processorTime } from '../support/processor-time';
import { draftAt, planOf } from '../support/store';

const SEED = Number(process.env.AO_TEST_SEED ?? 20261121);
const COUNT = Number(process.env.AO_TEST_COUNT ?? 1_000);
const SLOWEST_MS = 5_000;
/** Texts of the fixtures that no output may repeat (migration.md 10). */
const SECRETS = ['hello world', 'keep commits small', 'pnpm install', 'こんにちは'];

const homes: Home[] = [
  ...[
    '01-minimal',
    '02-typical-three',
    '03-after-ao-stop',
    '04-v1-hashed-keyvalue',
    '07-degraded-local',
    '09-unicode',
  ].map((name) => legacyFixture(name)),
  ...['v2-stopped', 'v2-crashed', 'v1a-upgraded-stopped', 'v1b-converted-stopped'].map((name) => realFixture(name)),
];
afterAll(() => {
  for (const home of homes) home.remove();
});

/** Small numbers that look random and are the same for a seed. */
class Dice {
  constructor(private state: number) {}
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, limit);
  }
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}

const VALUES = [
  'null',
  '~',
  '5',
  '-1',
  '1e999',
  'true',
  '"text"',
  '""',
  '[]',
  '{}',
  '[1, "a", null]',
  '{"a": {"b": [1]}}',
  '.nan',
  '0x1F',
  '"\\u0000"',
  '"../../x"',
  '"~"',
  '"C:\\\\x"',
  '99999999999999999999',
  '"2026-13-45"',
  '"+002026-01-01T00:00:00Z"',
  '"__proto__"',
  '*missing',
  '&a [*a]',
  '!!binary "x"',
  '"\\ud800"',
  '|',
  '>-',
  '@x',
  '{"toString": 1, "valueOf": null}',
  '"\\ud83d"',
  '"+"',
  '"orchestrator"',
  '"done"',
];
const BOMB = `{${['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  .map(
    (name, index, all) =>
      `${name}: &${name} [${Array(12)
        .fill(index === 0 ? 'x' : `*${all[index - 1]}`)
        .join(', ')}]`,
  )
  .join(', ')}}`;
const INSERTED = [
  '\0',
  '\uFEFF',
  '\t',
  '\u2028',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '<<: *x\n',
  '"',
  '}',
  ']',
  ':',
  '- ',
  '#',
  '\r',
  'projects:\n',
  '__proto__: {}\n',
  '=',
  '\ud800',
];

type Change = (bytes: Buffer, dice: Dice) => Buffer | string;

const CHANGES: Readonly<Record<string, Change>> = {
  flip(bytes, dice) {
    const copy = Buffer.from(bytes);
    for (let times = 1 + dice.below(4); times > 0 && copy.length > 0; times--)
      copy[dice.below(copy.length)] = dice.below(256);
    return copy;
  },
  truncate: (bytes, dice) => bytes.subarray(0, dice.below(bytes.length)),
  empty: () => '',
  noUtf8: (bytes, dice) =>
    Buffer.concat([
      bytes.subarray(0, dice.below(bytes.length)),
      Buffer.from([0xf0, 0x9f, 0x98]),
      bytes.subarray(dice.below(bytes.length)),
    ]),
  dropLine: (bytes, dice) => lines(bytes, dice, () => []),
  repeatLine: (bytes, dice) => lines(bytes, dice, (line) => [line, line]),
  indentLine: (bytes, dice) =>
    lines(bytes, dice, (line) => [dice.pick([` ${line}`, `  ${line}`, line.trimStart(), `\t${line}`])]),
  otherValue: (bytes, dice) =>
    lines(bytes, dice, (line) => [
      line.replace(
        /([:=])\s*(.*?)(,?)$/,
        (_, sign: string, __, comma: string) => `${sign} ${dice.pick(VALUES)}${comma}`,
      ),
    ]),
  otherKey: (bytes, dice) =>
    lines(bytes, dice, (line) => [
      line.replace(/[A-Za-z_]+(?="?\s*[:=])/, () =>
        dice.pick([
          'projects',
          'path',
          'env',
          '__proto__',
          'constructor',
          'sessionPrefix',
          'lifecycle',
          'session',
          'role',
          '',
          '<<',
        ]),
      ),
    ]),
  insert: (bytes, dice) => {
    const at = dice.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(dice.pick(INSERTED)), bytes.subarray(at)]);
  },
  deep: (bytes, dice) => lines(bytes, dice, (line) => [line.replace(/[:=].*$/, `: ${'['.repeat(3_000)}`)]),
  deepClosed: (bytes, dice) =>
    lines(bytes, dice, (line) => [line.replace(/[:=].*$/, `: ${'[{"a":'.repeat(900)}1${'}]'.repeat(900)}`)]),
  aliases: (bytes, dice) => lines(bytes, dice, (line) => [line.replace(/[:=].*$/, `: ${BOMB}`)]),
  huge: (bytes, dice) => lines(bytes, dice, (line) => [line.replace(/[:=].*$/, `: "${'x'.repeat(300_000)}"`)]),
  jumble: (bytes, dice) => {
    const all = bytes.toString('latin1').split('\n');
    for (let index = all.length - 1; index > 0; index--) {
      const other = dice.below(index + 1);
      [all[index], all[other]] = [all[other] ?? '', all[index] ?? ''];
    }
    return Buffer.from(all.join('\n'), 'latin1');
  },
};

function lines(bytes: Buffer, dice: Dice, change: (line: string) => string[]): string {
  const all = bytes.toString('utf8').split('\n');
  const at = dice.below(all.length);
  return all.flatMap((line, index) => (index === at ? change(line) : [line])).join('\n');
}

/** Files that a run reads, relative to the home. */
function readable(home: string, below = ''): string[] {
  return readdirSync(join(home, below), { withFileTypes: true }).flatMap((entry) => {
    const name = join(below, entry.name);
    if (entry.isDirectory()) return entry.name === '.git' || entry.name === 'worktrees' ? [] : readable(home, name);
    return entry.isFile() &&
      /\.agent-orchestrator\/|agent-orchestrator\.ya?ml$|\.claude\.json$/.test(name) &&
      !/\.(?:db|log|md)/.test(name)
      ? [name]
      : [];
  });
}

const stores = homes.map(({ path }) => ({ home: path, files: readable(path).sort() }));

/** Damages a file, or what stands in its place; returns what was done and how to undo it. */
function damage(home: string, file: string, dice: Dice): { what: string; undo: () => void } {
  const path = join(home, file);
  const original = readFileSync(path);
  const undo = (): void => {
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, original);
  };
  const special = dice.below(20);
  if (special === 0) rmSync(path);
  else if (special === 1) {
    rmSync(path);
    mkdirSync(path);
  } else if (special === 2) {
    rmSync(path);
    symlinkSync(dice.pick([path, '/dev/null', dirname(path), '/nowhere']), path);
  }
  if (special < 3) return { what: `${file}: replaced ${special}`, undo };
  const [name, change] = dice.pick(Object.entries(CHANGES));
  writeFileSync(path, change(original, dice));
  return { what: `${file}: ${name}`, undo };
}

function checkNotes(notes: readonly Note[]): void {
  for (const { code, message, file, line, column, severity } of notes) {
    expect(Object.hasOwn(NOTE_CODES, code)).toBe(true);
    expect(['info', 'lossy', 'warn']).toContain(severity);
    expect(message).not.toBe('');
    for (const secret of SECRETS) expect(message).not.toContain(secret);
    if (/^(?:FILE_|RECORD_|CONFIG_|DEGRADED|SETTING_DROPPED|PREFERENCES_|REGISTERED_)/.test(code))
      expect(typeof file).toBe('string');
    for (const place of [line, column]) if (place !== undefined) expect(place).toBeGreaterThanOrEqual(1);
  }
}

function checkPlan({ projects, orchestrators }: Plan): void {
  const created = new Set<string>();
  for (const { id, row, outcome } of projects) {
    if (row === null) {
      expect(['skipped', 'conflict']).toContain(outcome);
      continue;
    }
    created.add(id);
    expect(row.id).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
    expect(row.path).toMatch(/^(?:\/|[A-Za-z]:[\\/]|\\\\)/);
    for (const text of [row.display_name, row.repo_origin_url, row.path]) expect(typeof text).toBe('string');
    expect(readDaemonTime(row.registered_at)).not.toBeNull();
    const { decodes, config } = decodeConfig(encodeConfig(row.config));
    expect(decodes).toBe(true);
    expect(config.sessionPrefix).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(['', 'default', 'accept-edits', 'auto', 'bypass-permissions']).toContain(config.agentConfig.permissions);
    for (const path of config.symlinks)
      expect(path).not.toMatch(/^[\\/]|^[A-Za-z]:[\\/]|(?:^|[\\/])\.\.(?:[\\/]|$)|^\.?$/);
  }
  const sessions = new Set<string>();
  for (const { row, marker, projectId } of orchestrators) {
    if (row === null) continue;
    expect(sessions.has(row.id)).toBe(false);
    sessions.add(row.id);
    expect(created.has(projectId)).toBe(true);
    for (const time of [row.created_at, row.updated_at, row.activity_last_at, row.first_signal_at])
      expect(readDaemonTime(time)).not.toBeNull();
    for (const text of [row.prompt, row.display_name, row.branch, row.workspace_path])
      expect(typeof text).toBe('string');
    expect(row.branch).not.toBe('');
    if (marker !== null) expect([marker.branch, marker.worktree_path]).toEqual([row.branch, row.workspace_path]);
  }
}

test(
  `${COUNT} damaged stores give a plan or a refusal, never a crash (seed ${SEED})`,
  () => {
    const dice = new Dice(SEED);
    let refused = 0;
    let slowest = 0;
    for (let run = 0; run < COUNT; run++) {
      const { home, files } = dice.pick(stores);
      const targets = new Set(Array.from({ length: 1 + dice.below(3) }, () => dice.pick(files)));
      const damages = [...targets].map((file) => damage(home, file, dice));
      const start = processorTime();
      try {
        const drafted = draftAt(home, { draft: { onlyLive: dice.below(4) === 0 } });
        checkNotes(drafted.notes());
        checkPlan(planOf(drafted).plan);
      } catch (error) {
        if (error instanceof Refusal || error instanceof UsageError) refused++;
        else
          throw new Error(
            `run ${run}: ${damages.map(({ what }) => what).join('; ')}: ${error instanceof Error ? error.message : String(error)}`,
            { cause: error },
          );
      } finally {
        slowest = Math.max(slowest, processorTime() - start);
        for (const { undo } of damages) undo();
      }
      expect(slowest).toBeLessThan(SLOWEST_MS);
    }
    expect(refused).toBeLessThan(COUNT / 2);
    for (const { home, files } of stores)
      for (const file of files) expect(lstatSync(join(home, file)).isFile()).toBe(true);
  },
  Math.max(180_000, COUNT * 60),
);
