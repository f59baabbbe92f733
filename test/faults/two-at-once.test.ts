import { Database } from 'bun:sqlite';
import { afterEach, describe, expect, test } from 'bun:test';
import { randomOf } from '../../scripts/random';
import { type Holder, holdDatabase } from '../support/database-holder';
import { Bench } from './bench';
import { canBeWritten, type Scenario, scenario } from './scenarios';
import { differences, type State, stateOf } from './state';
import type { TracedRun } from './strace';

/** Rounds of each kind here; the long run sets it to 1000. */
const ROUNDS = Number(process.env.AO_ROUNDS ?? 5);
const LIMIT = 60_000 + ROUNDS * 5_000;

interface Said {
  readonly status?: string;
  readonly refusal?: { readonly code?: string } | null;
}

let bench: Bench | null = null;
let holder: Holder | null = null;
let writer: Bun.Subprocess | null = null;
afterEach(async () => {
  await holder?.end();
  holder = null;
  writer?.kill('SIGKILL');
  await writer?.exited;
  writer = null;
  bench?.remove();
  bench = null;
});

async function ready(of: Scenario): Promise<{ bench: Bench; expected: State }> {
  bench = await Bench.make(of, null);
  return { bench, expected: await bench.undisturbed() };
}

const said = ({ stdout }: TracedRun): Said => JSON.parse(stdout);

describe('two runs at once', () => {
  test.each(['new database', 'existing 82', 'rollback of a new database'])(
    '%s: one works, the other says so or finds all done',
    async (name) => {
      const { bench, expected } = await ready(scenario(name));
      const { args } = bench.scenario;
      const random = randomOf(ROUNDS);
      const answers = new Set<string>();
      for (let round = 0; round < ROUNDS; round++) {
        bench.restore();
        const first = bench.run(args);
        await Bun.sleep(random() * 60);
        const both = await Promise.all([first, bench.run(args)]);
        const documents = both.map(said);
        for (const [index, { status, refusal }] of documents.entries()) {
          answers.add(refusal?.code ?? status ?? '');
          const isGood = [0, 3].includes(both[index]?.exitCode ?? -1);
          expect({ round, isGood, run: isGood ? null : both[index] }).toEqual({ round, isGood: true, run: null });
          // Who holds the database exclusively is a run; who only finds it so may also say that it is in use.
          if (status === 'refused')
            expect(['RUN_IN_PROGRESS', 'DB_LOCKED', 'DAEMON_RUNNING']).toContain(refusal?.code ?? '');
        }
        expect(documents.filter(({ status }) => status === 'migrated' || status === 'undone')).toHaveLength(1);
        expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
      }
      expect(answers.size).toBeGreaterThan(0);
    },
    LIMIT,
  );

  test(
    'a run whose lock holder was killed takes the lock over, whoever else tries at the same time',
    async () => {
      const { bench, expected } = await ready(scenario('new database'));
      const { args } = bench.scenario;
      const random = randomOf(ROUNDS + 1);
      for (let round = 0; round < ROUNDS; round++) {
        bench.restore();
        const victim = bench.start(args);
        await Bun.sleep(60 + random() * 60);
        victim.kill('SIGKILL');
        await victim.exited;
        const runs = await Promise.all(Array.from({ length: 3 }, () => bench.run(args)));
        for (const run of runs) expect([0, 3]).toContain(run.exitCode ?? -1);
        // All may have met the one that recovered; then nobody has begun anything.
        const last = await bench.run(args);
        expect(last.exitCode).toBe(0);
        expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
      }
    },
    LIMIT,
  );
});

describe('beside a daemon', () => {
  /** Writes rows of its own all the time, as a daemon does, and tells how many when it is asked to stop. */
  function startWriter(file: string): Bun.Subprocess<'pipe', 'pipe', 'inherit'> {
    const script = `
      const { Database } = require('bun:sqlite');
      let count = 0;
      process.stdin.once('data', () => { console.log('count ' + count); process.exit(); });
      function round() {
        try {
          const db = new Database(${JSON.stringify(file)}, { readwrite: true });
          db.run('PRAGMA busy_timeout = 50');
          try {
            db.run('BEGIN IMMEDIATE');
            db.run("INSERT INTO change_log (project_id, event_type, payload, created_at) VALUES ('mine-82', 'pr_created', '" + count + "', 'now')");
            db.run('COMMIT');
            count++;
          } finally { db.close(); }
        } catch (error) { if (!/locked|busy/i.test(String(error))) { console.log('broken ' + error); process.exit(1); } }
        setTimeout(round, 3);
      }
      round();
      console.log('ready');`;
    return Bun.spawn([process.execPath, '-e', script], {
      env: { HOME: '/nonexistent', PATH: process.env.PATH ?? '' },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
  }

  test(
    'that writes: no row of either is lost or doubled',
    async () => {
      const { bench, expected } = await ready(scenario('existing 82'));
      const database = `${bench.home.path}/.ao/data/ao.db`;
      for (let round = 0; round < ROUNDS; round++) {
        bench.restore();
        const child = startWriter(database);
        writer = child;
        const output = child.stdout.getReader();
        let text = new TextDecoder().decode((await output.read()).value);
        expect(text).toContain('ready');
        const run = await bench.run(bench.scenario.args);
        expect([0, 3]).toContain(run.exitCode ?? -1);
        child.stdin.write('stop');
        child.stdin.flush();
        for (let piece = await output.read(); !piece.done; piece = await output.read())
          text += new TextDecoder().decode(piece.value);
        await child.exited;
        expect(text).not.toContain('broken');
        const count = Number(/count (\d+)/.exec(text)?.[1] ?? -1);
        using db = new Database(database, { readwrite: true });
        expect(
          db
            .query("SELECT count(*) AS n, count(DISTINCT payload) AS d FROM change_log WHERE event_type = 'pr_created'")
            .get(),
        ).toEqual({ n: count, d: count });
        db.run("DELETE FROM change_log WHERE event_type = 'pr_created'");
        db.close();
        if (run.exitCode === 3) expect((await bench.run(bench.scenario.args)).exitCode).toBe(0);
        const state = stateOf(bench.home.path, { whole: false });
        expect(differences(expected, state)).toEqual([]);
      }
    },
    LIMIT,
  );

  test(
    'that is idle, or reads: the run is refused and changes nothing, and works when it is gone',
    async () => {
      const { bench, expected } = await ready(scenario('existing 82'));
      const database = `${bench.home.path}/.ao/data/ao.db`;
      for (let round = 0; round < ROUNDS; round++) {
        // One that holds a transaction open costs two seconds each time.
        const holding = round === 0 ? 'writing' : round % 2 === 0 ? 'idle' : 'reading';
        bench.restore();
        holder = await holdDatabase(database, holding);
        const refused = await bench.run(bench.scenario.args);
        expect(refused.exitCode).toBe(3);
        expect(said(refused).refusal?.code).toBe(holding === 'writing' ? 'DB_LOCKED' : 'DAEMON_RUNNING');
        expect(differences(bench.before.state, stateOf(bench.home.path, { whole: true }))).toEqual([]);
        await holder.end();
        holder = null;
        expect(canBeWritten(database)).toBe(true);
        expect((await bench.run(bench.scenario.args)).exitCode).toBe(0);
        expect(differences(expected, stateOf(bench.home.path, { whole: false }))).toEqual([]);
      }
    },
    LIMIT,
  );
});
