import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Ended as Ran, run as runPlainly } from '../../scripts/run';
import { OFFERED } from '../../src/cli/arguments';
import { documentIn } from '../support/documents';
import { EXECUTABLE, run } from '../support/executable';
import { emptyHome, type Home, realFixture } from '../support/home';
import { enlarge, whenCopying } from '../support/long-copy';
import { snapshot } from '../support/tree';

/** Milliseconds; the machine may have other work. */
const LONG = 60_000;

let home: Home;
beforeEach(() => {
  home = realFixture('v2-stopped');
});
afterEach(() => home.remove(), 60_000);

interface Ended {
  readonly status: unknown;
  readonly exitCode: number;
  readonly code: unknown;
}

/** Runs with --json and checks the document; what tells how it ended. */
async function ended(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const done = await run(home, [...args, '--json'], { env });
  const document = documentIn(done);
  const { refusal } = document;
  const code = typeof refusal === 'object' && refusal !== null && 'code' in refusal ? refusal.code : null;
  return { status: document.status, exitCode: done.exitCode, code };
}

/** The files of a snapshot below a folder; times of folders change with what is made in them and taken away again. */
function below(all: Readonly<Record<string, string>>, folder: string): Record<string, string> {
  const isInside = (name: string) => name.startsWith(`${folder}/`);
  return Object.fromEntries(Object.entries(all).filter(([name, state]) => isInside(name) && state.startsWith('file')));
}

const OPERANDS: Readonly<Record<string, readonly string[]>> = { completions: ['bash'], rollback: ['--yes'] };
const commandLines = OFFERED.commands.map((name): readonly string[] => [name, ...(OPERANDS[name] ?? [])]);

describe('every command answers --json with a document that its schema accepts', () => {
  test(
    'help and version',
    async () => {
      for (const args of [['--help'], ['--version'], ...OFFERED.commands.map((name) => [name, '--help'])])
        expect(await ended(args)).toMatchObject({ status: 'ok', exitCode: 0 });
    },
    LONG,
  );

  test(
    'a command line that is wrong, in the document of the command',
    async () => {
      for (const line of commandLines) {
        const { exitCode, ...rest } = await ended([...line, '--nonsense']);
        expect({ line, ...rest }).toMatchObject({ line, status: 'usage', code: 'USAGE' });
        expect(exitCode).toBe(line[0] === 'postinstall' ? 0 : 2);
      }
      expect(await ended(['--progress', 'ndjson'])).toMatchObject({ status: 'usage', exitCode: 2 });
      expect(await ended(['--config', 'nothing'])).toMatchObject({ status: 'usage', exitCode: 2 });
      expect(await ended(['verify', '--run', 'x'])).toMatchObject({ status: 'usage', exitCode: 2 });
      expect(await ended(['rollback'])).toMatchObject({ status: 'usage', exitCode: 2 });
      expect(await ended(['doctor', '--bundle', 'no/such/folder.tgz'])).toMatchObject({ status: 'usage', exitCode: 2 });
      expect(await ended(['doctor', '--bundle', '.agent-orchestrator/x.tgz'])).toMatchObject({ status: 'usage' });
      expect(existsSync(join(home.path, '.agent-orchestrator', 'x.tgz'))).toBe(false);
      expect(await ended(['--progress-file', '.agent-orchestrator/config.yaml'])).toMatchObject({ status: 'usage' });
    },
    LONG,
  );

  test(
    'before, during and after a migration',
    async () => {
      expect(await ended(['status'])).toMatchObject({ status: 'pending', exitCode: 0 });
      expect(await ended(['status', '--check'])).toMatchObject({ status: 'pending', exitCode: 4 });
      expect(await ended(['--dry-run', '--timing'])).toMatchObject({ status: 'planned', exitCode: 0 });
      expect(await ended(['explain'])).toMatchObject({ status: 'ok', exitCode: 0 });
      expect(await ended(['verify'])).toMatchObject({ status: 'nothing', exitCode: 0 });
      expect(await ended(['rollback', '--yes'])).toMatchObject({ status: 'nothing-to-undo', exitCode: 0 });
      expect(await ended(['doctor'])).toMatchObject({ status: 'ok', exitCode: 0 });
      expect(await ended(['--yes', '--timing'])).toMatchObject({ status: 'migrated', exitCode: 0 });
      expect(await ended([])).toMatchObject({ status: 'already-migrated', exitCode: 0 });
      expect(await ended(['status'])).toMatchObject({ status: 'done', exitCode: 0 });
      expect(await ended(['verify'])).toMatchObject({ status: 'ok', exitCode: 0 });
      expect(await ended(['rollback', '--dry-run'])).toMatchObject({ status: 'planned', exitCode: 0 });
      expect(await ended(['doctor', '--bundle', 'bundle.tgz'])).toMatchObject({ status: 'ok', exitCode: 0 });
      expect(await ended(['doctor', '--bundle', 'bundle.tgz'])).toMatchObject({ status: 'usage', exitCode: 2 });
      expect(await ended(['rollback', '--yes'])).toMatchObject({ status: 'undone', exitCode: 0 });
      expect(await ended(['schema', '--sql'])).toMatchObject({ status: 'ok', exitCode: 0 });
    },
    LONG,
  );

  test(
    'the locked keys are in each, with zeros and the version of the database where nothing is inserted',
    async () => {
      const locked = async (args: readonly string[]): Promise<unknown> => {
        const { dbCreated, schemaVersion, projects, orchestrators } = documentIn(await run(home, [...args, '--json']));
        return { dbCreated, schemaVersion, projects, orchestrators };
      };
      const none = { created: 0, skipped: 0, failed: 0 };
      const nothing = (schemaVersion: number) => ({
        dbCreated: false,
        schemaVersion,
        projects: none,
        orchestrators: { ...none, relocatedTranscripts: 0 },
      });
      const looking = [['status'], ['explain'], ['doctor'], ['verify']];
      // With the rows of the only run the database would go.
      const without = [
        ['--help'],
        ['--version'],
        ['schema'],
        ['completions', 'bash'],
        ['rollback'],
        ['rollback', '--dry-run'],
      ];
      for (const args of [...looking, ...without])
        expect({ args, ...Object(await locked(args)) }).toEqual({ args, ...nothing(0) });
      await run(home, ['--yes']);
      for (const args of looking) expect({ args, ...Object(await locked(args)) }).toEqual({ args, ...nothing(12) });
      for (const args of without) expect({ args, ...Object(await locked(args)) }).toEqual({ args, ...nothing(0) });
      // A look at both sides instead of the receipt.
      const database = new Database(join(home.path, '.ao', 'data', 'ao.db'));
      database.run("UPDATE projects SET display_name = 'changed since' WHERE id LIKE 'acme%'");
      database.close();
      for (const args of [['status'], ['rollback', '--dry-run']]) expect(await locked(args)).toEqual(nothing(12));
      expect(await locked(['rollback', '--yes'])).toEqual(nothing(12));
      expect(await locked(['rollback', '--yes', '--nonsense'])).toEqual(nothing(0));
    },
    LONG,
  );

  test(
    'a rollback that takes the database has no version left',
    async () => {
      await run(home, ['--yes']);
      expect(documentIn(await run(home, ['rollback', '--yes', '--json']))).toMatchObject({
        status: 'undone',
        schemaVersion: 0,
      });
    },
    LONG,
  );

  test(
    'a refusal of every stage',
    async () => {
      const store = join(home.path, '.agent-orchestrator');
      const refused = { status: 'refused', exitCode: 3 };
      const inside = join(store, 'data');
      for (const command of ['migrate', 'status', 'explain', 'verify', 'rollback']) {
        const yes = command === 'rollback' ? ['--yes'] : [];
        expect({ command, ...(await ended([command, ...yes, '--data-dir', inside])) }).toMatchObject({
          command,
          ...refused,
          code: 'DATA_DIR_INVALID',
        });
      }
      expect(await ended(['doctor', '--data-dir', inside])).toMatchObject({ status: 'found', exitCode: 4 });
      writeFileSync(join(store, 'running.json'), JSON.stringify({ pid: process.pid }));
      expect(await ended(['--yes'])).toMatchObject({ ...refused, code: 'LEGACY_ACTIVE' });
      expect(await ended(['--dry-run'])).toMatchObject({ ...refused, code: 'LEGACY_ACTIVE' });
      expect(await ended(['doctor'])).toMatchObject({ status: 'found', exitCode: 4 });
      rmSync(join(store, 'running.json'));
      mkdirSync(join(home.path, '.ao', 'data'), { recursive: true });
      writeFileSync(join(home.path, '.ao', 'data', 'ao.db'), 'x'.repeat(5000));
      for (const command of ['migrate', 'explain'])
        expect(await ended([command])).toMatchObject({ ...refused, code: 'DB_CORRUPT' });
      expect(await ended(['doctor'])).toMatchObject({ status: 'found', exitCode: 4 });
      expect(await ended(['status'])).toMatchObject({ status: 'unreadable', code: 'DB_CORRUPT' });
      writeFileSync(join(store, 'config.yaml'), 'projects: [');
      for (const command of ['migrate', 'explain', 'doctor', 'status'])
        expect((await ended([command])).exitCode).toBe(command === 'doctor' ? 4 : command === 'status' ? 0 : 3);
    },
    LONG,
  );

  /** Where the runtime cannot even begin, it says so itself, and no line of the program has run. */
  const RUNTIME_ENDED = /ran out of file descriptors|shared libraries/;

  /** Runs with no more than so many open files. */
  function withDescriptors(limit: number, args: readonly string[]): Ran {
    const env = {
      HOME: home.path,
      PATH: process.env.PATH ?? '',
      TMUX_TMPDIR: home.path,
      TMPDIR: home.path,
      LANG: 'C.UTF-8',
    };
    return runPlainly(['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh', EXECUTABLE, ...args], home.path, env);
  }

  const starts = (limit: number): boolean => withDescriptors(limit, ['--version']).exitCode === 0;

  test(
    'a crash: one line, a reference, exit code 1',
    async () => {
      // How many descriptors the runtime itself needs differs from machine to machine.
      const least = Array.from({ length: 60 }, (_, index) => index + 3).find((limit) => starts(limit)) ?? 0;
      const crashed = new Set<string | undefined>();
      for (const limit of [least, least + 1, least + 2, least + 6]) {
        for (const line of commandLines) {
          const before = existsSync(join(home.path, '.ao'));
          const { stdout, stderr, exitCode } = withDescriptors(limit, [...line, '--json']);
          if (stdout === '' && RUNTIME_ENDED.test(stderr)) continue;
          // Nothing is left for what the command opens, or not enough of it to see both sides.
          const document = documentIn({ stdout, stderr });
          const { status, refusal } = document;
          expect(stderr).not.toMatch(/\n\s+at /);
          expect(document).not.toMatchObject({ refusal: { code: 'PLAN_CHANGED' } });
          if (status !== 'failed') continue;
          crashed.add(line[0]);
          expect({ line, exitCode }).toEqual({ line, exitCode: line[0] === 'postinstall' ? 0 : 1 });
          const message = expect.stringMatching(/EMFILE.*\(reference [0-9a-f]{8}\)/);
          expect(refusal).toMatchObject({ code: 'UNEXPECTED', message });
          expect(stderr.trim().split('\n')).toHaveLength(1);
          expect(existsSync(join(home.path, '.ao'))).toBe(before);
        }
      }
      expect([...crashed]).toEqual(expect.arrayContaining(['migrate', 'postinstall']));
    },
    LONG,
  );

  test(
    'a failure after the first change: all of it put back, exit code 5',
    async () => {
      const before = snapshot(home.path);
      // No file may grow beyond 32 KiB: the new database does.
      const child = Bun.spawnSync(['sh', '-c', 'ulimit -f 64; exec "$@"', 'sh', EXECUTABLE, '--yes', '--json'], {
        env: { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8' },
        cwd: home.path,
      });
      const document = documentIn({ stdout: child.stdout.toString(), stderr: child.stderr.toString() });
      expect(document).toMatchObject({ status: 'put-back', dbCreated: false, schemaVersion: 0, runId: null });
      expect(child.exitCode).toBe(5);
      expect(below(snapshot(home.path), '.claude')).toEqual(below(before, '.claude'));
      expect(existsSync(join(home.path, '.ao', 'data', 'ao.db'))).toBe(false);
    },
    LONG,
  );

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'stopped by %s in the middle of a copy',
    async (signal, code) => {
      enlarge(home, 100_000_000);
      const child = Bun.spawn([EXECUTABLE, '--yes', '--json'], {
        env: { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8' },
        cwd: home.path,
        stdout: 'pipe',
        stderr: 'pipe',
      });
      expect(
        await whenCopying(
          home,
          () => child.pid,
          (pid) => void process.kill(pid, signal),
        ),
      ).toBe(true);
      const [stdout, stderr] = [await new Response(child.stdout).text(), await new Response(child.stderr).text()];
      expect(documentIn({ stdout, stderr })).toMatchObject({ status: 'interrupted', dbCreated: false });
      expect(await child.exited).toBe(code);
    },
    LONG,
  );

  test(
    'a part: what waits for a later run, what failed, and what a rollback leaves',
    async () => {
      const store = join(home.path, '.agent-orchestrator');
      const stray = join(store, 'projects', 'nobody_0123456789', 'sessions');
      mkdirSync(stray, { recursive: true });
      writeFileSync(join(stray, 'nb-orchestrator.json'), JSON.stringify({ role: 'orchestrator', worktree: '/gone' }));
      const [transcript = ''] = readdirSync(join(home.path, '.claude', 'projects'), {
        recursive: true,
        encoding: 'utf8',
      })
        .filter((name) => name.endsWith('.jsonl'))
        .map((name) => join(home.path, '.claude', 'projects', name));
      const whole = readFileSync(transcript);
      rmSync(transcript);
      Bun.spawnSync(['mkfifo', transcript]);
      const first = await ended(['--yes']);
      expect(first.status).toBe('partial');
      rmSync(transcript);
      writeFileSync(transcript, whole);
      expect(await ended(['status', '--check'])).toMatchObject({ status: 'partial', exitCode: 4 });
      expect(await ended(['status'])).toMatchObject({ status: 'partial', exitCode: 0 });
      expect(await ended(['--yes'])).toMatchObject({ status: 'partial', exitCode: 0 });
      const database = new Database(join(home.path, '.ao', 'data', 'ao.db'));
      database.run("UPDATE projects SET display_name = 'changed since'");
      database.close();
      expect(await ended(['rollback', '--yes'])).toMatchObject({ exitCode: 0, status: 'undone' });
      expect(await ended(['rollback', '--yes'])).toMatchObject({ exitCode: 1, status: 'partly-undone' });
    },
    LONG,
  );

  test(
    'no store',
    async () => {
      home.remove();
      home = emptyHome();
      for (const command of ['migrate', 'status', 'explain', 'verify', 'doctor'])
        expect((await ended([command])).exitCode).toBe(0);
      expect(await ended(['status'])).toMatchObject({ status: 'none' });
    },
    LONG,
  );
});

describe('whatever becomes of stdout', () => {
  const start = (args: readonly string[], stdout: 'pipe' | number) =>
    spawn(EXECUTABLE, [...args], {
      env: { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8' },
      cwd: home.path,
      stdio: ['ignore', stdout, 'pipe'],
    });
  const exited = (child: ReturnType<typeof start>): Promise<{ code: number | null; stderr: string }> =>
    new Promise((done) => {
      let stderr = '';
      child.stderr?.on('data', (chunk) => {
        stderr += String(chunk);
      });
      child.on('close', (code) => done({ code, stderr }));
    });

  test(
    'closed early: quiet, and the exit code is that of the work',
    async () => {
      for (const line of commandLines) {
        const child = start([...line, '--json'], 'pipe');
        child.stdout?.destroy();
        const { code, stderr } = await exited(child);
        expect({ line, code }).toEqual({ line, code: 0 });
        expect(stderr).not.toMatch(/[{}]|unexpected|EPIPE/);
      }
    },
    LONG,
  );

  test.skipIf(!existsSync('/dev/full'))(
    'a full disk: said on stderr, exit code 1',
    async () => {
      for (const line of commandLines) {
        const full = openSync('/dev/full', 'w');
        const { code, stderr } = await exited(start([...line, '--json'], full));
        closeSync(full);
        expect({ line, code }).toEqual({ line, code: line[0] === 'postinstall' ? 0 : 1 });
        expect(stderr).toContain('could not be written to standard output (ENOSPC)');
        expect(stderr).not.toMatch(/[{}]|unexpected/);
      }
    },
    LONG,
  );

  const piped = (args: readonly string[], reader: string) =>
    Bun.spawnSync(['sh', '-c', `"$@" | { ${reader}; }`, 'sh', EXECUTABLE, ...args], {
      env: { HOME: home.path, PATH: process.env.PATH ?? '', TMUX_TMPDIR: home.path, LANG: 'C.UTF-8' },
      cwd: home.path,
    });

  test(
    'a pipe of 64 KiB that nobody reads for a while: the whole document arrives',
    () => {
      const { stdout, stderr } = piped(['explain', '--json'], 'sleep 1; cat');
      expect(stdout.length).toBeGreaterThan(65_536);
      expect(documentIn({ stdout: stdout.toString(), stderr: stderr.toString() })).toMatchObject({ status: 'ok' });
    },
    LONG,
  );

  test(
    'a pipe that nobody reads before the program has ended: it ends, and its document is in the pipe',
    async () => {
      const fifo = join(home.path, 'unread');
      Bun.spawnSync(['mkfifo', fifo]);
      for (const line of commandLines.filter(([name]) => name !== 'explain')) {
        const held = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
        const { code, stderr } = await exited(start([...line, '--json'], held));
        expect({ line, code }).toEqual({ line, code: 0 });
        const bytes = Buffer.alloc(1 << 17);
        const stdout = bytes.subarray(0, readSync(held, bytes)).toString();
        closeSync(held);
        expect(documentIn({ stdout, stderr })).toMatchObject({ command: line[0] });
      }
    },
    LONG,
  );

  test(
    'a pipe of 64 KiB that nobody ever reads: quiet once it is closed, and a signal ends it before',
    async () => {
      expect(piped(['explain', '--json'], 'sleep 1').stderr.toString()).toBe('');
      const fifo = join(home.path, 'fifo');
      Bun.spawnSync(['mkfifo', fifo]);
      const held = openSync(fifo, constants.O_RDWR);
      const child = start(['explain', '--json'], held);
      await Bun.sleep(1000);
      expect(child.exitCode).toBeNull();
      child.kill('SIGTERM');
      expect(await exited(child)).toEqual({ code: null, stderr: '' });
      closeSync(held);
    },
    LONG,
  );
});
