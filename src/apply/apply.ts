import type { Database } from 'bun:sqlite';
import type { LegacyStore } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import type { MigrateStatus } from '../contracts/outcome';
import { leavesRest, type Plan, unusableOf } from '../contracts/plan';
import { closeDatabase } from '../rewrite/connection';
import { emptyDatabase, planStaging, promoteDatabase, type StagedDatabase, stageDatabase } from '../rewrite/create';
import { abandonRows, commitRows, prepareRows } from '../rewrite/existing';
import type { TargetPaths } from '../rewrite/paths';
import { type Inserted, plannedRows, type RowFailure, type RowSet } from '../rewrite/rows';
import type { Progress, StagedConversation } from '../sessions/harness';
import { TEMPORARY_PREFIX } from '../sessions/staging';
import { type BackupPlace, backupPlace, makeBackup, nameBackup } from './backup';
import {
  type ConversationFailure,
  copiesOf,
  type Harnesses,
  type PlacedConversations,
  placeConversations,
} from './conversations';
import { databaseFiles } from './database-files';
import { Interrupted } from './interruption';
import { type Journal, openJournal } from './journal';
import { hintFor, PutBack, reasonOf, Unfinished } from './put-back';
import { type Receipt, receiptFile, receiptRows, removeReceipt, writeReceipt } from './receipt';
import type { StatePaths } from './state';
import { removeTemporaries, undoSteps } from './undo';

/** Everything that carrying out one plan needs. The lock is held, the guards have passed. */
export interface ApplyInput {
  readonly plan: Plan;
  readonly planHash: string;
  readonly store: LegacyStore;
  readonly target: TargetPaths;
  readonly paths: StatePaths;
  readonly runId: string;
  readonly startedAt: Date;
  readonly machine: Machine;
  readonly version: string;
  readonly harnesses: Harnesses;
  /** The connection that holds an existing database; null where there is none. */
  readonly db: Database | null;
  readonly backup: boolean;
  readonly options: Receipt['options'];
  readonly lockDirectories: readonly string[];
  readonly progress: Progress;
  /** Told when a part begins. */
  readonly phase?: (phase: 'backup' | 'conversations' | 'rows' | 'commit') => void;
  /** Throws where a signal has come; asked only while all can be put back. */
  readonly interrupted: () => void;
}

/** What a run did. */
export interface Applied {
  readonly rows: RowSet;
  readonly rowFailures: readonly RowFailure[];
  readonly conversationFailures: readonly ConversationFailure[];
  readonly placed: readonly StagedConversation[];
  readonly backup: string | null;
  readonly receipt: string;
  readonly notes: readonly Note[];
}

/** Whether an unclear COMMIT happened after all, decided from the disk (migration.md 7, recovery). */
export type SettleCommit = (receipt: Receipt) => Promise<boolean>;

/**
 * Carries out exactly the plan (migration.md 7): back up, conversations, rows, verify, receipt, commit. Until the commit
 * point every error and signal leads back to the state before; after it nothing is put back.
 *
 * @throws PutBack, Interrupted (everything put back), Unfinished, or the first error where nothing had changed yet
 */
export async function apply(input: ApplyInput, settle: SettleCommit): Promise<Applied> {
  const { paths, runId, target, plan } = input;
  const journal = openJournal(
    paths,
    runId,
    {
      step: 'begin',
      runId,
      physicalDataDir: target.physicalDataDir,
      database: target.database,
      createsDatabase: input.db === null,
      madeDirectories: [...input.lockDirectories],
    },
    input.machine.pid,
  );
  const run = new Run(input, journal);
  try {
    input.phase?.('backup');
    await run.backUp();
    input.phase?.('conversations');
    run.beginDatabase();
    const { placed, failures } = await run.placeConversations(copiesOf(plan));
    const lost = new Set(failures.map(({ sessionId }) => sessionId));
    const wanted = plannedRows(plan);
    const rows: RowSet = {
      ...wanted,
      orchestrators: wanted.orchestrators.filter(({ session }) => !lost.has(session.id)),
    };
    input.phase?.('rows');
    const inserted = await run.insert(rows);
    const kept = await run.takeBackOf(inserted.failures, placed);
    const isPartial = failures.length > 0 || inserted.failures.length > 0 || leavesRest(plan);
    const receipt = run.receipt(inserted, kept, isPartial ? 'partial' : 'migrated');
    input.interrupted();
    input.phase?.('commit');
    writeReceipt(paths, receipt);
    journal.note({ step: 'commit' });
    await run.commit(receipt, settle);
    return {
      rows: inserted.rows,
      rowFailures: inserted.failures,
      conversationFailures: failures,
      placed: kept,
      backup: run.backup,
      receipt: receiptFile(paths, runId),
      notes: run.finish(receipt, failures.length > 0),
    };
  } catch (error) {
    // The disk alone knows whether the rows are there: the journal stays, and the next run looks.
    if (error instanceof Unfinished) throw error;
    try {
      await run.putBack();
    } catch (undo) {
      throw new Unfinished(reasonOf(undo), error);
    }
    if (error instanceof PutBack || error instanceof Interrupted) throw error;
    throw new PutBack(`${reasonOf(error)}.`, hintFor(error), error);
  }
}

class Run {
  #place: BackupPlace | null = null;
  #placed: readonly StagedConversation[] = [];
  #standing: PlacedConversations['standing'] = new Map();
  #empty: Promise<Uint8Array | null> | null = null;
  #staged: StagedDatabase | null = null;
  #isDurable = true;

  constructor(
    private readonly input: ApplyInput,
    private readonly journal: Journal,
  ) {}

  get backup(): string | null {
    return this.#place?.final ?? null;
  }

  async backUp(): Promise<void> {
    const { input } = this;
    if (!input.backup) return;
    let place = backupPlace(input.paths, input.startedAt, input.runId);
    this.journal.note({ step: 'backup', ...place });
    await makeBackup(place, input.store, input.db, input.target.dataDir, input.runId, input.machine.platform);
    while (!nameBackup(place)) {
      place = backupPlace(input.paths, input.startedAt, input.runId);
      this.journal.note({ step: 'backup', ...place });
    }
    this.#place = place;
    input.interrupted();
  }

  /** A new database without rows is made while conversations are being synced, which leaves time for it. */
  beginDatabase(): void {
    if (this.input.db !== null) return;
    this.#empty = emptyDatabase(this.input.machine.platform);
    // Where a conversation ends the run, nobody asks for it any more.
    this.#empty.catch(() => {});
  }

  async placeConversations(copies: ReturnType<typeof copiesOf>): ReturnType<typeof placeConversations> {
    const { harnesses, runId, progress, interrupted } = this.input;
    const result = await placeConversations(
      copies,
      harnesses,
      this.journal,
      `${TEMPORARY_PREFIX}${stagingTag(runId)}-`,
      progress,
      interrupted,
    );
    this.#placed = result.placed;
    this.#standing = result.standing;
    return result;
  }

  /** Rows in the open transaction or in the temporary file, checked against the plan. */
  async insert(rows: RowSet): Promise<Inserted> {
    const { db, target, runId } = this.input;
    let result: { inserted: Inserted; problems: readonly string[] };
    if (db !== null) result = prepareRows(db, rows);
    else {
      const staging = planStaging(target, runId);
      this.journal.note({
        step: 'database',
        temporary: staging.temporary,
        directories: [...staging.directories],
        stale: [...staging.stale],
      });
      this.#staged = await stageDatabase(staging, await this.#empty, rows);
      result = this.#staged;
    }
    if (result.problems.length > 0) {
      throw new PutBack(
        `The rows are not as planned (${result.problems.join('; ')}).`,
        'Nothing was changed. Please report this.',
      );
    }
    return result.inserted;
  }

  /** A row that could not be inserted takes its new conversation with it. */
  async takeBackOf(
    failures: readonly RowFailure[],
    placed: readonly StagedConversation[],
  ): Promise<readonly StagedConversation[]> {
    const lost = new Set(failures.filter(({ kind }) => kind === 'orchestrator').map(({ id }) => id));
    for (const each of placed)
      if (lost.has(each.copy.sessionId)) await this.input.harnesses[each.copy.harness].discard(each);
    this.#placed = placed.filter(({ copy }) => !lost.has(copy.sessionId));
    return this.#placed;
  }

  receipt(
    inserted: Inserted,
    placed: readonly StagedConversation[],
    status: Extract<MigrateStatus, 'migrated' | 'partial'>,
  ): Receipt {
    const { input } = this;
    const put = new Map(placed.map((each) => [each.copy.sessionId, each]));
    const ids = new Set(inserted.rows.orchestrators.map(({ session }) => session.id));
    return {
      formatVersion: 1,
      runId: input.runId,
      tool: 'ao-migrate',
      version: input.version,
      status: 'committing',
      startedAt: input.startedAt.toISOString(),
      finishedAt: null,
      legacyRoot: input.plan.legacyRoot,
      ...input.target,
      dbCreated: input.db === null,
      schemaVersion: input.plan.schemaVersion,
      planHash: input.planHash,
      options: input.options,
      outcome: { status, unusable: unusableOf(input.plan).length },
      createdDirectories: [...(this.#staged?.directories ?? [])],
      stale: [...(this.#staged?.staging.stale ?? [])],
      backup: this.backup,
      ...receiptRows(inserted.rows, inserted.changes, input.runId),
      conversations: copiesOf(input.plan)
        .filter(({ sessionId }) => ids.has(sessionId))
        .map((copy) => {
          const staged = put.get(copy.sessionId);
          const standing = this.#standing.get(copy.sessionId);
          const { sessionId, projectId, harness, sourceId, resumeId, destinationCwd } = copy;
          return {
            sessionId,
            projectId,
            harness,
            sourceId,
            resumeId,
            destinationCwd,
            placed: staged !== undefined,
            files: (staged?.files ?? []).map(({ destination, size, sourceSha256, trimmedSha256, sha256 }, index) => ({
              source: copy.files[index]?.source ?? '',
              destination,
              size,
              sourceSha256,
              trimmedSha256,
              sha256,
            })),
            ...(standing === undefined ? {} : { standing: [...standing] }),
            ...(staged?.counts === undefined ? {} : { counts: staged.counts }),
            createdDirectories: [...(staged?.createdDirectories ?? [])],
          };
        }),
      sources: input.store.files.map(({ path, sha256, size, mtimeMs }) => ({ path, sha256, size, mtimeMs })),
    };
  }

  /** The commit point: one rename that cannot overwrite, or one COMMIT. */
  async commit(receipt: Receipt, settle: SettleCommit): Promise<void> {
    const { db } = this.input;
    if (this.#staged !== null) {
      const { placed, synced, aside } = await promoteDatabase(this.#staged.staging);
      this.#isDurable = synced;
      if (!placed) {
        const stay = aside.map((file) => ` ${file.aside} stays under that name.`).join('');
        throw new PutBack(
          'The new app made its own database meanwhile.',
          `Nothing of it was changed.${stay} Run ao-migrate again: it then adds to that database.`,
        );
      }
      return;
    }
    if (db === null) return;
    try {
      commitRows(db);
    } catch (error) {
      // SQLite may have kept or dropped the transaction; only the disk tells, and only after the connection is closed.
      closeQuietly(db);
      if (!(await this.#settled(receipt, settle)))
        throw new PutBack(
          'The database did not take the rows.',
          'Nothing was changed. Free space or check the disk, then run again.',
          error,
        );
    }
  }

  async #settled(receipt: Receipt, settle: SettleCommit): Promise<boolean> {
    try {
      return await settle(receipt);
    } catch (error) {
      throw new Unfinished(`It could not be found out whether the database took the rows: ${reasonOf(error)}`, error);
    }
  }

  /** After the commit point: an error here changes nothing of the result, the next run finishes the receipt. */
  finish(receipt: Receipt, hasFailures: boolean): Note[] {
    try {
      if (!this.#isDurable) throw new Error('the folder of the database could not be synced');
      // A temporary name can be left where its removal failed, as a second name of what is in place.
      removeTemporaries(this.journal.steps.filter(({ step }) => step === 'database' || hasFailures));
      // Only the last close moves the -wal into the database: what `status` compares with is what stands after it.
      if (this.input.db !== null) closeQuietly(this.input.db);
      writeReceipt(this.input.paths, {
        ...receipt,
        status: 'done',
        finishedAt: this.input.machine.now().toISOString(),
        databaseFiles: databaseFiles(receipt.database),
      });
      this.journal.end();
      return [];
    } catch (error) {
      return [
        {
          code: 'RECEIPT_UNFINISHED',
          severity: 'warn',
          message: `the migration is complete, but its receipt is not (${reasonOf(error)})`,
        },
      ];
    }
  }

  /** The harnesses know what no journal does; what they leave, the journal names. It ends only when all of that is gone. */
  async putBack(): Promise<void> {
    const { input } = this;
    if (input.db !== null) abandonQuietly(input.db);
    for (const each of this.#placed) await input.harnesses[each.copy.harness].discard(each);
    undoSteps(this.journal.steps);
    removeReceipt(input.paths, input.runId);
    this.journal.end();
  }
}

/** What makes the temporary names of one run unlike those of any other: its id without dashes. */
export function stagingTag(runId: string): string {
  return runId.replaceAll('-', '');
}

/** A connection that was closed after a failed COMMIT, or that SQLite has rolled back, has nothing to abandon. */
function abandonQuietly(db: Database): void {
  try {
    abandonRows(db);
  } catch {
    closeQuietly(db);
  }
}

function closeQuietly(db: Database): void {
  try {
    closeDatabase(db);
  } catch {
    // It was closed already.
  }
}
