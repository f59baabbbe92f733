import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXECUTABLE } from '../support/executable';
import { COMMON_FOLDER } from '../support/home';
import { AS_NOBODY, NOBODY, nobodyRuns, openExecutable } from '../support/nobody';
import { Bench } from './bench';
import { scenario } from './scenarios';
import { differences, stateOf } from './state';

const ROLLBACK = ['rollback', '--yes', '--json'];
const isRoot = process.getuid?.() === 0;
const call = (...command: string[]): boolean =>
  Bun.spawnSync(command, { stdout: 'ignore', stderr: 'ignore' }).exitCode === 0;

/** Mounts need root and a kernel that lets a container do it. */
function mountsWork(): boolean {
  if (process.platform !== 'linux' || !isRoot) return false;
  const place = mkdtempSync(join(tmpdir(), 'ao-migrate-mount-'));
  const works = call('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place) && call('umount', place);
  rmSync(place, { recursive: true, force: true });
  return works;
}

/** Bytes left on a full disk. AO_DISK_STEP: each so many from none to all of it, as 262144. */
const STEP = Number(process.env.AO_DISK_STEP ?? 0);
const ROOM =
  STEP > 0
    ? Array.from({ length: Math.ceil(20e6 / STEP) }, (_, index) => index * STEP)
    : [0, 64 * 1024, 0.5e6, 1e6, 2e6, 3e6, 4e6, 4.5e6, 5e6, 6e6, 8e6];

const canMount = mountsWork();
const mounted: string[] = [];
let place = '';
let bench: Bench | null = null;

function mount(target: string, ...options: string[]): void {
  if (!call('mount', ...options, target)) throw new Error(`mount ${options.join(' ')} ${target}`);
  mounted.push(target);
}

afterEach(() => {
  for (const target of mounted.splice(0).reverse()) call('umount', '-l', target);
  bench?.remove();
  bench = null;
  rmSync(place, { recursive: true, force: true });
  place = '';
});

function folder(): string {
  place = mkdtempSync(join(tmpdir(), 'ao-migrate-place-'));
  return place;
}

interface Said {
  readonly status?: string;
  readonly refusal?: { readonly code?: string; readonly message?: string } | null;
}
const said = ({ stdout }: { stdout: string }): Said => JSON.parse(stdout);

describe.skipIf(!canMount)('with mounts', () => {
  test(
    'a disk that is full at any megabyte: refused or put back, and done as soon as there is room',
    async () => {
      const disk = folder();
      mount(disk, '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs');
      bench = await Bench.make(scenario('existing 82'), null, EXECUTABLE, disk);
      const expected = await bench.undisturbed();
      const ballast = join(disk, 'ballast');
      const free = (): number => {
        const { bavail, bsize } = statfsSync(disk);
        return bavail * bsize;
      };
      const seen = new Set<number | null>();
      for (const left of ROOM) {
        bench.restore();
        writeFileSync(ballast, Buffer.alloc(Math.max(0, free() - left)));
        const run = await bench.run(bench.scenario.args);
        seen.add(run.exitCode);
        if (run.exitCode === 0) expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
        else {
          expect([3, 5]).toContain(run.exitCode ?? -1);
          expect(said(run).refusal?.code).toBe(run.exitCode === 3 ? 'NO_SPACE' : 'UNEXPECTED');
          expect(differences(bench.before.state, stateOf(bench.home.path, { whole: true }))).toEqual([]);
        }
        rmSync(ballast);
        expect((await bench.run(bench.scenario.args)).exitCode).toBe(0);
        expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
      }
      expect([...seen].sort()).toEqual([0, 3]);
    },
    180_000 + ROOM.length * 2_000,
  );

  test('an old store that is mounted read-only', async () => {
    bench = await Bench.make(scenario('new database'), null);
    const expected = await bench.undisturbed();
    bench.restore();
    const root = join(bench.home.path, '.agent-orchestrator');
    mount(root, '--bind', root);
    if (!call('mount', '-o', 'remount,bind,ro', root)) throw new Error('remount');
    expect((await bench.run(bench.scenario.args)).exitCode).toBe(0);
    expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
  }, 180_000);

  test.each([
    ['data directory', '.ao/data'],
    ['home', ''],
  ])(
    'a %s that is mounted read-only is refused',
    async (_, name) => {
      bench = await Bench.make(scenario('existing 82'), null);
      bench.restore();
      const target = join(bench.home.path, name);
      mount(target, '--bind', target);
      if (!call('mount', '-o', 'remount,bind,ro', target)) throw new Error('remount');
      const run = await bench.run(bench.scenario.args);
      expect(said(run)).toMatchObject({ status: 'refused', refusal: { code: 'NOT_WRITABLE' } });
      expect(run.exitCode).toBe(3);
      for (const each of mounted.splice(0)) call('umount', '-l', each);
      expect(differences(bench.before.state, stateOf(bench.home.path, { whole: true }))).toEqual([]);
    },
    180_000,
  );

  test('a data directory on another file system', async () => {
    bench = await Bench.make(scenario('new database'), null);
    bench.restore();
    const disk = folder();
    mount(disk, '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs');
    const args = ['--data-dir', join(disk, 'data')];
    const run = await bench.run([...bench.scenario.args, ...args]);
    expect(said(run)).toMatchObject({ status: 'migrated' });
    expect(existsSync(join(disk, 'data', 'ao.db'))).toBe(true);
    expect(said(await bench.run([...bench.scenario.args, ...args])).status).toBe('already-migrated');
    expect(said(await bench.run([...ROLLBACK, ...args])).status).toBe('undone');
    expect(existsSync(join(disk, 'data'))).toBe(false);
  }, 180_000);
});

test.skipIf(process.platform === 'win32')(
  '~/.ao is a link',
  async () => {
    bench = await Bench.make(scenario('existing 12'), null);
    bench.restore();
    const state = join(bench.home.path, '.ao');
    renameSync(state, join(bench.home.path, 'elsewhere'));
    symlinkSync('elsewhere', state);
    const before = stateOf(bench.home.path, { whole: false });
    expect(said(await bench.run(bench.scenario.args)).status).toBe('migrated');
    expect(said(await bench.run(bench.scenario.args)).status).toBe('already-migrated');
    expect(said(await bench.run(ROLLBACK)).status).toBe('undone');
    const isRecord = (name: string): boolean => /^elsewhere\/(?:migrations|backups|data\/ao\.db)/.test(name);
    expect(
      differences({ ...before, rows: null }, { ...stateOf(bench.home.path, { whole: false }), rows: null }, isRecord),
    ).toEqual([]);
  },
  180_000,
);

test.skipIf(process.platform === 'win32').each(['000', '077'])(
  'umask %s changes no mode of what is made',
  async (mask) => {
    bench = await Bench.make(scenario('new database'), null);
    const expected = await bench.undisturbed();
    bench.restore();
    const child = Bun.spawn(['/bin/sh', '-c', `umask ${mask}; exec "$0" "$@"`, EXECUTABLE, ...bench.scenario.args], {
      cwd: bench.home.path,
      env: bench.env,
      stdout: 'ignore',
      stderr: 'ignore',
    });
    expect(await child.exited).toBe(0);
    expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
  },
  180_000,
);

describe.skipIf(!nobodyRuns('setpriv'))('as another user', () => {
  let program = { path: '', remove: (): void => undefined };
  beforeAll(() => {
    program = openExecutable();
  });
  afterAll(() => program.remove());

  async function asNobody(on: Bench, args = on.scenario.args): Promise<Said & { exitCode: number }> {
    const child = Bun.spawn([...AS_NOBODY, program.path, ...args], {
      cwd: '/',
      env: { ...on.env, TMPDIR: COMMON_FOLDER },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
    });
    const stdout = await new Response(child.stdout).text();
    return { ...said({ stdout }), exitCode: await child.exited };
  }

  test('the owner of the home migrates; a stranger is refused; what cannot be written is named', async () => {
    bench = await Bench.make(scenario('existing 82'), null);
    const expected = await bench.undisturbed();
    for (const name of ['', '.ao', '.ao/data']) chmodSync(join(bench.home.path, name), 0o755);
    expect(await asNobody(bench)).toMatchObject({ exitCode: 3, refusal: { code: 'NOT_OWNER' } });
    const own = (): boolean => call('chown', '-R', `${NOBODY}:${NOBODY}`, bench?.home.path ?? '');
    for (const [closed, mode] of [
      ['.ao/data', 0o500],
      ['.ao', 0o500],
      ['.ao/data/ao.db', 0o400],
    ] as const) {
      bench.restore();
      own();
      chmodSync(bench.home.path, 0o755);
      chmodSync(join(bench.home.path, closed), mode);
      expect(await asNobody(bench)).toMatchObject({ exitCode: 3, refusal: { code: 'NOT_WRITABLE' } });
      const isFolder = (name: string): boolean => name === '' || name === closed;
      expect(differences(bench.before.state, stateOf(bench.home.path, { whole: true }), isFolder)).toEqual([]);
    }
    bench.restore();
    own();
    chmodSync(bench.home.path, 0o755);
    expect(await asNobody(bench)).toMatchObject({ exitCode: 0, status: 'migrated' });
    expect(differences(expected, stateOf(bench.home.path, { whole: false }), (name) => name === '')).toEqual([]);
  }, 180_000);

  /** The home as it is before the command, owned by the one who runs it, with one name closed to him. */
  function closed(on: Bench, name: string, mode: number): void {
    on.restore();
    call('chown', '-R', `${NOBODY}:${NOBODY}`, on.home.path);
    chmodSync(on.home.path, 0o755);
    chmodSync(join(on.home.path, name), mode);
  }

  const COMMANDS = [['status'], ['--dry-run'], ['explain'], ['doctor'], ['verify'], ['rollback', '--dry-run']];

  test.each([
    ['before a migration', 'new database', ['.ao', '.ao/migrations', '.ao/data', '.ao/backups']],
    ['after one', 'rollback of a new database', ['.ao', '.ao/migrations', '.ao/data', '.ao/data/ao.db', '.ao/backups']],
  ] as const)(
    'a name that is closed is an answer of every command, %s',
    async (_, name, ours) => {
      bench = await Bench.make(scenario(name), null);
      const isOurs = (each: string): boolean => each === '.ao' || each.startsWith('.ao/');
      const store = ['.agent-orchestrator', '.agent-orchestrator/config.yaml', '.agent-orchestrator/projects'];
      for (const each of [...store, '.claude', '.claude/projects', 'code/acme/.git', ...ours]) {
        for (const mode of isOurs(each) ? [0o000, 0o500] : [0o000]) {
          bench.restore();
          if (name === 'new database' && isOurs(each)) mkdirSync(join(bench.home.path, each), { recursive: true });
          const state = { each, mode: mode.toString(8) };
          call('chown', '-R', `${NOBODY}:${NOBODY}`, bench.home.path);
          chmodSync(bench.home.path, 0o755);
          chmodSync(join(bench.home.path, each), mode);
          for (const command of [...COMMANDS, bench.scenario.args]) {
            const { status, refusal } = await asNobody(bench, [...command.filter((arg) => arg !== '--json'), '--json']);
            const isAnswer = status !== 'failed' && refusal?.code !== 'UNEXPECTED';
            expect({ ...state, command, isAnswer, refusal }).toEqual({ ...state, command, isAnswer: true, refusal });
          }
        }
      }
    },
    180_000,
  );

  test('a rollback is judged before anything goes', async () => {
    bench = await Bench.make(scenario('rollback of a new database'), null);
    for (const name of ['.ao/data', '.ao/data/ao.db']) {
      closed(bench, name, 0o500);
      for (const args of [ROLLBACK, ['rollback', '--dry-run', '--json']])
        expect(await asNobody(bench, args)).toMatchObject({ exitCode: 3, refusal: { code: 'NOT_WRITABLE' } });
      const isFolder = (each: string): boolean => each === '' || each === name;
      expect(differences(bench.before.state, stateOf(bench.home.path, { whole: true }), isFolder)).toEqual([]);
    }
    // The folder that held the database may not be taken out of its own: it stays, empty.
    closed(bench, '.ao', 0o500);
    expect(await asNobody(bench)).toMatchObject({ exitCode: 0, status: 'undone' });
    expect(readdirSync(join(bench.home.path, '.ao', 'data'))).toEqual([]);
  }, 180_000);

  test('a database that may not be read, or not be written, is called that', async () => {
    bench = await Bench.make(scenario('rollback of a new database'), null);
    for (const [mode, args, what] of [
      [0o000, ROLLBACK, 'read'],
      [0o000, ['verify', '--json'], 'read'],
      [0o000, ['--dry-run', '--json'], 'read'],
      [0o400, ROLLBACK, 'written'],
    ] as const) {
      closed(bench, '.ao/data/ao.db', mode);
      const { exitCode, refusal } = await asNobody(bench, args);
      expect({ args, exitCode, refusal }).toMatchObject({
        exitCode: 3,
        refusal: {
          message: expect.stringContaining(`ao.db cannot be ${what}`),
          hint: expect.stringContaining('permission to read'),
        },
      });
    }
  }, 180_000);

  test('a conversation that is closed stays whole, and goes when it is open again', async () => {
    bench = await Bench.make(scenario('rollback of a new database'), null);
    const expected = await bench.undisturbed();
    const projects = join('.claude', 'projects');
    closed(bench, projects, 0o000);
    expect(await asNobody(bench, ['verify', '--json'])).toMatchObject({ exitCode: 4, status: 'found' });
    expect(await asNobody(bench)).toMatchObject({ exitCode: 1, status: 'partly-undone' });
    chmodSync(join(bench.home.path, projects), 0o700);
    expect(await asNobody(bench)).toMatchObject({ exitCode: 0, status: 'undone' });
    const isOpened = (name: string): boolean => name === '' || name === projects;
    expect(differences(expected, stateOf(bench.home.path, { whole: false }), isOpened)).toEqual([]);
  }, 180_000);

  test('a home that cannot be written', async () => {
    bench = await Bench.make(scenario('new database'), null);
    bench.restore();
    call('chown', '-R', `${NOBODY}:${NOBODY}`, bench.home.path);
    chmodSync(bench.home.path, 0o555);
    expect(await asNobody(bench)).toMatchObject({ exitCode: 3, refusal: { code: 'NOT_WRITABLE' } });
    expect(existsSync(join(bench.home.path, '.ao'))).toBe(false);
  }, 180_000);
});

test('a folder in the place of a file of ours is refused, and stays', async () => {
  bench = await Bench.make(scenario('new database'), null);
  bench.restore();
  mkdirSync(join(bench.home.path, '.ao'));
  writeFileSync(join(bench.home.path, '.ao', 'migrations'), 'a file');
  const before = stateOf(bench.home.path, { whole: true });
  const run = await bench.run(bench.scenario.args);
  expect({ ...said(run), exitCode: run.exitCode }).toMatchObject({ exitCode: 3, refusal: { code: 'NOT_WRITABLE' } });
  expect(differences(before, stateOf(bench.home.path, { whole: true }))).toEqual([]);
}, 180_000);
