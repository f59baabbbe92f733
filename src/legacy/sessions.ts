import { join } from 'node:path';
import type { SessionRecord, V1Directory, V2Directory } from '../contracts/legacy';
import type { Note } from '../contracts/notes';
import { type Entry, list, v1Name } from './directory';
import type { FileMemory } from './file-memory';
import { parseKeyValue } from './keyvalue';
import { archiveName, decodeRecord, RECORD_ID, type RecordPlace } from './record';
import { isMapping } from './shape';
import type { ReadResult, SourceReader } from './source-reader';

/** A record is a few kilobytes; whatever is larger than this was not written by the legacy tool. */
const RECORD_CAP = 16 * 1024 * 1024;
/** Files younger than this may be in the middle of a write (legacy-store.md 7) and are read again before they count as broken. */
const FRESH_MS = 10_000;
const RETRY_PAUSES_MS = [50, 80, 120];

export interface SessionReadOptions {
  readonly keepRaw: boolean;
  readonly nowMs: number;
  /** Blocks for so many milliseconds; injected, because tests do not wait. */
  readonly pause: (ms: number) => void;
  readonly memory?: FileMemory<SessionRecord>;
}

/** The session records of the store, of both generations, and what is wrong with them. */
export class SessionReader {
  readonly notes: Note[] = [];

  constructor(
    private readonly reader: SourceReader,
    private readonly options: SessionReadOptions,
  ) {}

  /** Every directory below `projects/` (legacy-store.md 3.1), sorted by name. */
  readV2(root: string): V2Directory[] {
    const base = join(root, 'projects');
    return this.#list(base)
      .filter((entry) => entry.isDirectory)
      .map(({ name }) => this.#readProject(name, join(base, name)));
  }

  /** Every V1 directory: `<12hex>` or `<12hex>-<name>`, without converted and observability ones (legacy-store.md 1.4). */
  readV1(root: string): V1Directory[] {
    const directories: V1Directory[] = [];
    for (const { name, isDirectory } of this.#list(root)) {
      const parts = isDirectory ? v1Name(name) : null;
      if (parts !== null) directories.push(this.#readHashed(name, join(root, name), parts));
    }
    return directories;
  }

  #readProject(id: string, path: string): V2Directory {
    const sessions = join(path, 'sessions');
    const records: SessionRecord[] = [];
    for (const entry of this.#list(sessions)) {
      const file = join(sessions, entry.name);
      if (/\.json\.corrupt-\d+$/.test(entry.name)) {
        this.notes.push({
          code: 'RECORD_CORRUPT_COPY',
          severity: 'info',
          id,
          message: `an unreadable record was put aside as ${entry.name}`,
          file,
        });
        continue;
      }
      const stem = entry.name.endsWith('.json') ? entry.name.slice(0, -5) : '';
      if (!RECORD_ID.test(stem) || entry.isDirectory) continue;
      const record = this.#readRecord({ id: stem, file, generation: 'v2', archivedAt: null }, 'json');
      if (record !== null) records.push(record);
    }
    const standalone = this.#readRecord(
      { id: 'orchestrator', file: join(path, 'orchestrator.json'), generation: 'v2', archivedAt: null },
      'json',
    );
    return { id, path, records, standalone };
  }

  #readHashed(name: string, path: string, parts: { hash: string; suffix: string | null }): V1Directory {
    const sessions = join(path, 'sessions');
    const records: SessionRecord[] = [];
    for (const entry of this.#list(sessions)) {
      // With and without the ending there may be one of each (legacy-store.md 3.2): both count, and the plan ranks them.
      const stem = entry.name.endsWith('.json') ? entry.name.slice(0, -5) : entry.name;
      if (!RECORD_ID.test(stem) || entry.isDirectory || entry.name === 'archive') continue;
      const record = this.#readRecord(
        { id: stem, file: join(sessions, entry.name), generation: 'v1', archivedAt: null },
        'either',
      );
      if (record !== null) records.push(record);
    }
    const archive = join(sessions, 'archive');
    const archives: SessionRecord[] = [];
    for (const entry of this.#list(archive)) {
      const parsed = entry.isDirectory ? null : archiveName(entry.name);
      if (parsed === null) continue;
      const record = this.#readRecord(
        { id: parsed.id, file: join(archive, entry.name), generation: 'v1', archivedAt: parsed.stamp },
        'either',
      );
      if (record !== null) archives.push(record);
    }
    const origin = this.reader.read(join(path, '.origin'), { cap: 64 * 1024 });
    return {
      name,
      path,
      ...parts,
      origin: origin.kind === 'text' ? origin.text.trim() || null : null,
      records,
      archives,
    };
  }

  /** Null where the file is absent, unreadable, empty or no record: then a note says so (E37 to E41, E82). */
  #readRecord(place: Omit<RecordPlace, 'mtimeMs'>, format: 'json' | 'either'): SessionRecord | null {
    const known = this.options.memory?.recall(place.file, false) ?? null;
    if (known !== null) {
      this.reader.take(known.source);
      return known.value;
    }
    let result = this.#read(place.file);
    let fields = result.kind === 'text' ? parseRecord(result.text, format) : null;
    for (const pause of RETRY_PAUSES_MS) {
      if (result.kind !== 'text' || fields !== null || this.options.nowMs - result.source.mtimeMs > FRESH_MS) break;
      this.options.pause(pause);
      result = this.#read(place.file);
      fields = result.kind === 'text' ? parseRecord(result.text, format) : null;
    }
    if (result.kind === 'absent') return null;
    const about = { id: place.id, file: place.file } as const;
    if (result.kind === 'unreadable') {
      this.notes.push({
        code: 'FILE_UNREADABLE',
        severity: 'warn',
        ...about,
        message: `this session record cannot be read (${result.reason})`,
      });
      return null;
    }
    if (fields !== null) {
      const record = decodeRecord({ ...place, mtimeMs: result.source.mtimeMs }, fields, this.options.keepRaw);
      if (!result.changed) this.options.memory?.keep(result.source, result.stamp, record);
      return record;
    }
    const empty = blank(result.text);
    this.notes.push({
      code: empty ? 'RECORD_EMPTY' : 'RECORD_INVALID',
      severity: 'warn',
      ...about,
      message: empty ? 'this session record is empty' : 'this session record is not a JSON object',
    });
    return null;
  }

  /** One that is not there is empty; one that cannot be listed may hold records, so it is never silence (migration.md 3). */
  #list(directory: string): Entry[] {
    return list(directory, (reason) =>
      this.notes.push({
        code: 'FILE_UNREADABLE',
        severity: 'warn',
        message: `this directory cannot be listed (${reason})`,
        file: directory,
      }),
    );
  }

  #read(file: string): ReadResult {
    // Half of a record does not parse, and a whole one is remembered as it was before it was read.
    return this.reader.read(file, { cap: RECORD_CAP, noFollow: true, unwatched: true });
  }
}

function parseRecord(content: string, format: 'json' | 'either'): Record<string, unknown> | null {
  const body = content.replace(/^\uFEFF/, '').trim();
  if (body === '') return null;
  if (format === 'either' && !body.startsWith('{') && !body.startsWith('[')) {
    const fields = parseKeyValue(body);
    return Object.keys(fields).length > 0 ? fields : null;
  }
  try {
    const value: unknown = JSON.parse(body);
    return isMapping(value) ? value : null;
  } catch {
    return null;
  }
}

function blank(content: string): boolean {
  return content.replace(/^\uFEFF/, '').trim() === '';
}
