import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { journalFile, openJournal, readJournal, type Step } from '../../src/apply/journal';
import type { Receipt } from '../../src/apply/receipt';
import { configDigest, readReceipt, receiptFile, textDigest, writeReceipt } from '../../src/apply/receipt';
import { recoverRuns, unfinishedRuns } from '../../src/apply/recover';
import { rollback, UnfinishedRollback } from '../../src/apply/rollback';
import { type StatePaths, statePaths } from '../../src/apply/state';
import type { Machine } from '../../src/contracts/machine';
import { emptyHome, type Home, machineAt } from '../support/home';
import { synthDatabase } from '../support/synth-db';

const RUN = '20261121-120000-abcdef';
const UNDO = '20261121-130000-abcdef';
const TIME = '2026-11-21 12:00:00 +0000 UTC';

let home: Home;
let machine: Machine;
let paths: StatePaths;
const at = (...names: string[]): string => join(home.path, ...names);
const data = (): string => at('.ao', 'data');
const database = (): string => join(data(), 'ao.db');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

beforeEach(() => {
  home = emptyHome();
  machine = machineAt(home.path);
  paths = statePaths(machine, data());
  mkdirSync(paths.migrations, { recursive: true });
});
afterEach(() => home.remove());

/** A journal as a run that was killed leaves it. */
function killedRun(...steps: Step[]): void {
  const journal = openJournal(
    paths,
    RUN,
    {
      step: 'begin',
      runId: RUN,
      physicalDataDir: data(),
      database: database(),
      createsDatabase: true,
      madeDirectories: [],
    },
    machine.pid,
  );
  for (const step of steps) journal.note(step);
}

function killedRollback(remove: Extract<Step, { step: 'remove' }>): void {
  const first: Step = { step: 'rollback', runId: UNDO, target: RUN, physicalDataDir: data(), madeDirectories: [] };
  openJournal(paths, UNDO, first, machine.pid).note(remove);
}

const session = {
  id: 'p-orchestrator',
  projectId: 'p',
  columns: { id: 'p-orchestrator', project_id: 'p', num: 0, created_at: TIME },
  prompt: '',
  marker: null,
  changes: [],
};

function receipt(changes: Partial<Receipt> = {}): Receipt {
  return {
    formatVersion: 1,
    runId: RUN,
    tool: 'ao-migrate',
    version: '0',
    status: 'committing',
    startedAt: '',
    finishedAt: null,
    legacyRoot: at('.agent-orchestrator'),
    dataDir: data(),
    physicalDataDir: data(),
    database: database(),
    dbCreated: true,
    schemaVersion: 12,
    planHash: '',
    options: { from: null, config: null, cwd: home.path, onlyLive: false, resume: 'auto' },
    outcome: { status: 'migrated', unusable: 0 },
    createdDirectories: [data()],
    stale: [],
    backup: null,
    projects: [],
    sessions: [session],
    conversations: [],
    sources: [],
    ...changes,
  };
}

function makeDatabase(...rows: string[]): void {
  mkdirSync(data(), { recursive: true });
  synthDatabase(database(), 12, { journal: 'delete', sql: rows.join(';') });
}
const project = `INSERT INTO projects (id, path, repo_origin_url, display_name, registered_at, kind)
  VALUES ('p', '/p', '', 'P', '${TIME}', 'single_repo')`;
const orchestrator = `INSERT INTO sessions (id, project_id, num, kind, harness, activity_state, activity_last_at, is_terminated, branch,
  workspace_path, runtime_handle_id, agent_session_id, prompt, created_at, updated_at, display_name)
  VALUES ('p-orchestrator', 'p', 0, 'orchestrator', 'codex', 'exited', '${TIME}', 1, '', '', '', '', '', '${TIME}', '${TIME}', '')`;

const recover = () => recoverRuns(paths, data(), machine);
const inMigrations = (): string[] => readdirSync(paths.migrations).sort();

describe('a journal', () => {
  test('appears with its first step, and a torn last line counts as not written', () => {
    killedRun({ step: 'commit' });
    appendFileSync(journalFile(paths, RUN), '{"step":"place","fil');
    expect(readJournal(journalFile(paths, RUN))?.map(({ step }) => step)).toEqual(['begin', 'commit']);
    expect(inMigrations()).toEqual([`${RUN}.journal`]);
  });

  test("of another data directory is nobody else's", () => {
    killedRun();
    expect(unfinishedRuns(paths, at('elsewhere'))).toEqual([]);
    expect(unfinishedRuns(paths, data())).toEqual([RUN]);
  });

  test.skipIf(process.platform === 'win32')('that cannot be read is not taken for an empty one', async () => {
    symlinkSync(at(), journalFile(paths, RUN));
    await expect(recover()).rejects.toMatchObject({ code: 'RECOVERY_FAILED' });
    expect(existsSync(journalFile(paths, RUN))).toBe(true);
  });
});

describe('a receipt', () => {
  test('that is written again keeps its lists, whose text is not made anew', () => {
    let asked = 0;
    const path = { toJSON: () => `/source/${++asked}` } as unknown as string;
    const first = receipt({ sources: [{ path, sha256: sha256('x'), size: 1, mtimeMs: 1 }] });
    writeReceipt(paths, first);
    writeReceipt(paths, { ...first, status: 'done', backup: '/backup' });
    expect(readReceipt(paths, RUN)).toMatchObject({
      status: 'done',
      backup: '/backup',
      sessions: [session],
      sources: [{ path: '/source/1' }],
    });
  });
});

describe('recovery of a run', () => {
  const destination = (): string => at('.claude', 'x', 'a.jsonl');
  const temporary = (): string => at('.claude', 'x', '.ao-migrate-1-a-0.part');
  const place = (): Step => ({
    step: 'place',
    files: [{ temporary: temporary(), destination: destination(), sha256: sha256('text'), size: 4 }],
  });
  const stage = (): Step => ({
    step: 'stage',
    prefix: '.ao-migrate-1-',
    directories: [at('.claude', 'x')],
    missing: [at('.claude'), at('.claude', 'x')],
  });
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };

  test('whose receipt was being written when it was killed', async () => {
    makeDatabase(project, orchestrator);
    killedRun({ step: 'commit' });
    writeReceipt(paths, receipt());
    writeFileSync(join(paths.migrations, `.${RUN}.json.partial`), '{"half":');
    expect(await recover()).toMatchObject([{ outcome: 'finished' }]);
    expect(inMigrations()).toEqual([`${RUN}.json`]);
    expect(JSON.parse(readFileSync(receiptFile(paths, RUN), 'utf8'))).toMatchObject({ status: 'done' });
  });

  test('whose receipt cannot be understood undoes nothing', async () => {
    put(destination(), 'text');
    killedRun(stage(), place(), { step: 'commit' });
    writeFileSync(receiptFile(paths, RUN), 'no JSON');
    await expect(recover()).rejects.toMatchObject({ code: 'RECOVERY_FAILED' });
    expect(readFileSync(destination(), 'utf8')).toBe('text');
    expect(inMigrations()).toEqual([`${RUN}.journal`, `${RUN}.json`]);
  });

  test('before the commit takes back files, their directories, the temporary database, and the receipt', async () => {
    put(destination(), 'text');
    linkSync(destination(), temporary());
    put(at('.claude', 'x', '.ao-migrate-1-b-0.part'), 'half');
    put(join(data(), '.ao.db.partial'), 'database');
    killedRun(stage(), place(), {
      step: 'database',
      temporary: join(data(), '.ao.db.partial'),
      directories: [data()],
      stale: [],
    });
    writeReceipt(paths, receipt());
    expect(await recover()).toMatchObject([{ outcome: 'undone', notes: [] }]);
    expect(readdirSync(home.path)).toEqual(['.ao']);
    expect(readdirSync(at('.ao'))).toEqual(['migrations']);
    expect(inMigrations()).toEqual([]);
  });

  test('keeps a conversation that has grown, and says so', async () => {
    put(destination(), 'text and more');
    killedRun(stage(), place());
    const [done] = await recover();
    expect(done?.notes).toMatchObject([{ code: 'CONVERSATION_CONFLICT', file: destination() }]);
    expect(readFileSync(destination(), 'utf8')).toBe('text and more');
  });

  test('keeps a file of somebody else that came first, though it is equal', async () => {
    put(destination(), 'text');
    put(temporary(), 'text');
    killedRun(stage(), place());
    await recover();
    expect(readdirSync(at('.claude', 'x'))).toEqual(['a.jsonl']);
  });

  test('removes the empty names of a disk without hard links, but no database of a daemon', async () => {
    put(destination(), '');
    put(temporary(), 'text');
    put(database(), '');
    chmodSync(database(), 0o600);
    const step: Step = { step: 'database', temporary: join(data(), '.ao.db.partial'), directories: [], stale: [] };
    killedRun(stage(), place(), step, { step: 'commit' });
    writeReceipt(paths, receipt());
    expect(await recover()).toMatchObject([{ outcome: 'undone', notes: [] }]);
    expect(existsSync(destination())).toBe(false);
    expect(existsSync(database())).toBe(false);
    put(database(), '');
    chmodSync(database(), 0o644);
    killedRun(step, { step: 'commit' });
    await recover();
    expect(existsSync(database())).toBe(true);
  });

  test('gives left-over files their names back only where no database is', async () => {
    const stale = { original: `${database()}-wal`, aside: `${database()}-wal.stale-${RUN}` };
    const step: Step = { step: 'database', temporary: join(data(), '.ao.db.partial'), directories: [], stale: [stale] };
    makeDatabase(project);
    put(stale.aside, 'old');
    killedRun(step);
    expect((await recover())[0]?.notes).toMatchObject([{ code: 'STALE_FILE_MOVED', file: stale.aside }]);
    expect(existsSync(stale.original)).toBe(false);
  });
});

describe('recovery of a rollback', () => {
  const remove = (changes: Partial<Extract<Step, { step: 'remove' }>> = {}): Extract<Step, { step: 'remove' }> => ({
    step: 'remove',
    files: [{ path: at('copy.jsonl'), sha256: sha256('text') }],
    directories: [],
    sessions: ['p-orchestrator'],
    projects: ['p'],
    complete: true,
    ...changes,
  });
  const written = (): Receipt => JSON.parse(readFileSync(receiptFile(paths, RUN), 'utf8'));
  const status = (): unknown => written().status;

  /** What a run that made these projects says of the rows that stand in the database now. */
  function writtenBy(...ids: string[]): Pick<Receipt, 'projects' | 'sessions' | 'conversations'> {
    using db = new Database(database(), { readonly: true });
    const row = (table: string, id: string): Record<string, string | number | null> =>
      db.query<Record<string, string | number | null>, [string]>(`SELECT * FROM ${table} WHERE id = ?`).get(id) ?? {};
    return {
      projects: ids.map((id) => {
        const { config: _, ...columns } = row('projects', id);
        return { id, columns: { ...columns, display_name: 'P' }, config: configDigest(null, RUN) };
      }),
      sessions: ids.map((id) => {
        const { prompt: _, ...columns } = row('sessions', `${id}-orchestrator`);
        const changes = db
          .query<{ seq: number }, [string]>('SELECT seq FROM change_log WHERE session_id = ?')
          .all(`${id}-orchestrator`)
          .map(({ seq }) => seq);
        const prompt = textDigest('', RUN);
        return { id: `${id}-orchestrator`, projectId: id, columns, prompt, marker: null, changes };
      }),
      conversations: [
        {
          sessionId: 'p-orchestrator',
          projectId: 'p',
          harness: 'codex',
          sourceId: 's',
          resumeId: 'r',
          destinationCwd: '/p',
          placed: true,
          files: [
            {
              source: at('source.jsonl'),
              destination: at('copy.jsonl'),
              size: 4,
              sourceSha256: '',
              trimmedSha256: '',
              sha256: sha256('text'),
            },
          ],
          createdDirectories: [],
        },
      ],
    };
  }

  beforeEach(() => {
    writeFileSync(at('copy.jsonl'), 'text');
    writeReceipt(paths, receipt({ status: 'done' }));
  });

  test('whose rows are there is dropped', async () => {
    makeDatabase(project, orchestrator);
    killedRollback(remove());
    expect(await recover()).toMatchObject([{ outcome: 'dropped' }]);
    expect({ status: status(), copy: existsSync(at('copy.jsonl')) }).toEqual({ status: 'done', copy: true });
  });

  test('whose rows are gone is completed: conversations, and the database that the run had made', async () => {
    makeDatabase();
    killedRollback(remove());
    expect(await recover()).toMatchObject([{ outcome: 'finished' }]);
    expect({ status: status(), copy: existsSync(at('copy.jsonl')), data: existsSync(data()) }).toEqual({
      status: 'undone',
      copy: false,
      data: false,
    });
  });

  test('keeps a database that holds something else, and one that was there before', async () => {
    makeDatabase(project.replaceAll("'p'", "'q'"));
    killedRollback(remove());
    await recover();
    expect(existsSync(database())).toBe(true);
    writeReceipt(paths, receipt({ status: 'done', dbCreated: false }));
    killedRollback(remove());
    await recover();
    expect({ status: status(), database: existsSync(database()) }).toEqual({ status: 'undone', database: true });
  });

  test('keeps an empty database that was there before the run', async () => {
    writeReceipt(paths, receipt({ status: 'done', dbCreated: false }));
    makeDatabase();
    killedRollback(remove());
    await recover();
    expect({ status: status(), database: existsSync(database()) }).toEqual({ status: 'undone', database: true });
  });

  test('with an item that was refused does not count as undone', async () => {
    makeDatabase(project);
    killedRollback(remove({ projects: [], complete: false }));
    await recover();
    expect({ status: status(), copy: existsSync(at('copy.jsonl')), database: existsSync(database()) }).toEqual({
      status: 'done',
      copy: false,
      database: true,
    });
  });

  test('of an earlier build names what went as far as its journal does', async () => {
    makeDatabase(project);
    killedRollback(remove({ projects: [], complete: false }));
    await recover();
    expect(written().removed).toEqual({ projects: [], sessions: ['p-orchestrator'], conversations: [] });
  });

  test('is finished beside a database that has lost its version table, which stays', async () => {
    makeDatabase('DROP TABLE goose_db_version');
    writeFileSync(at('copy.jsonl'), 'text');
    const stale = { original: `${database()}-wal`, aside: `${database()}-wal.stale-${RUN}` };
    writeFileSync(stale.aside, 'of another time');
    writeReceipt(paths, receipt({ status: 'done', stale: [stale] }));
    killedRollback(remove());
    const notes = [{ code: 'STALE_FILE_MOVED', file: stale.aside }];
    expect(await recover()).toMatchObject([{ outcome: 'finished', notes }]);
    expect({ status: status(), database: existsSync(database()) }).toEqual({ status: 'undone', database: true });
  });

  test('leaves a conversation whole of which a file has been changed meanwhile', async () => {
    makeDatabase(project, orchestrator);
    const written = writtenBy('p').conversations.map((each) => ({
      ...each,
      files: ['copy.jsonl', 'side.jsonl'].flatMap((name) =>
        each.files.map((file) => ({ ...file, destination: at(name) })),
      ),
    }));
    rmSync(data(), { recursive: true });
    writeFileSync(at('copy.jsonl'), 'text');
    writeFileSync(at('side.jsonl'), 'text and more');
    writeReceipt(paths, receipt({ status: 'done', conversations: written }));
    killedRollback(
      remove({ files: ['copy.jsonl', 'side.jsonl'].map((name) => ({ path: at(name), sha256: sha256('text') })) }),
    );
    const notes = [{ code: 'CONVERSATION_CONFLICT', file: at('copy.jsonl') }];
    expect(await recover()).toMatchObject([{ outcome: 'finished', notes }]);
    expect(readFileSync(at('copy.jsonl'), 'utf8')).toBe('text');
  });

  test('writes the same receipt as a rollback in part that was not killed', async () => {
    const rows = (id: string): string[] => [
      project.replace("'p', '/p'", `'${id}', '/${id}'`),
      orchestrator.replace("'p-orchestrator', 'p'", `'${id}-orchestrator', '${id}'`),
    ];
    const partial = join(paths.migrations, `.${RUN}.json.partial`);
    const receipts: unknown[] = [];
    for (const isKilled of [false, true]) {
      makeDatabase(...rows('p'), ...rows('q'), "UPDATE projects SET display_name = 'Mine' WHERE id = 'q'");
      writeFileSync(at('copy.jsonl'), 'text');
      const whole = receipt({ ...writtenBy('p', 'q'), status: 'done' });
      writeReceipt(paths, whole);
      // Where the receipt is made something is in the way: what has gone by then is gone, and the journal stays.
      if (isKilled) mkdirSync(partial);
      const undo = () => rollback({ receipt: whole, paths, runId: UNDO, machine, lockDirectories: [] });
      if (isKilled) {
        expect(undo).toThrow(UnfinishedRollback);
        expect(written()).toEqual(JSON.parse(JSON.stringify(whole)));
        rmdirSync(partial);
        expect(await recover()).toMatchObject([{ outcome: 'finished' }]);
        expect(inMigrations()).toEqual([`${RUN}.json`]);
      } else expect(undo()).toMatchObject({ complete: false });
      expect(existsSync(at('copy.jsonl'))).toBe(false);
      receipts.push(written());
      rmSync(data(), { recursive: true });
    }
    expect(receipts[1]).toEqual(receipts[0]);
    expect(receipts[0]).toMatchObject({
      status: 'done',
      removed: { projects: ['p'], sessions: ['p-orchestrator', 'q-orchestrator'], conversations: ['p-orchestrator'] },
    });
  });

  test.each(['both names', 'the waiting name'])('that was killed while the database had %s', async (which) => {
    makeDatabase();
    linkSync(database(), `${database()}.removed-${UNDO}`);
    if (which === 'the waiting name') unlinkSync(database());
    killedRollback(remove());
    await recover();
    expect({ status: status(), data: existsSync(data()) }).toEqual({ status: 'undone', data: false });
  });

  test('never takes the database that a daemon has made meanwhile', async () => {
    makeDatabase();
    linkSync(database(), `${database()}.removed-${UNDO}`);
    unlinkSync(database());
    makeDatabase();
    killedRollback(remove());
    await recover();
    using db = new Database(database(), { readonly: true });
    expect(db.query('SELECT count(*) AS n FROM projects').get()).toEqual({ n: 0 });
    expect(readdirSync(data())).toEqual(['ao.db']);
  });

  test('does not remove the left-over files that have their names back already', async () => {
    const stale = { original: `${database()}-wal`, aside: `${database()}-wal.stale-${RUN}` };
    writeReceipt(paths, receipt({ status: 'done', stale: [stale], createdDirectories: [] }));
    mkdirSync(data(), { recursive: true });
    writeFileSync(stale.original, 'from before the run');
    killedRollback(remove());
    await recover();
    expect({ status: status(), wal: readFileSync(stale.original, 'utf8') }).toEqual({
      status: 'undone',
      wal: 'from before the run',
    });
  });
});
