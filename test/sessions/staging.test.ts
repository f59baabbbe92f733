import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ConversationCopy } from '../../src/contracts/plan';
import type { StagedFile } from '../../src/sessions/harness';
import { compare, type Edit, type Rewrite, rewritten, splicer } from '../../src/sessions/rewrite';
import { ROW_CAP, type Row, RowSplitter } from '../../src/sessions/rows';
import { endOfRows, type OpenFile, withFile } from '../../src/sessions/source';
import {
  discardFiles,
  placeFiles,
  placeWithoutLink,
  type StagingJob,
  stageFiles,
  TEMPORARY_PREFIX,
} from '../../src/sessions/staging';
import { filesBelow, fingerprint, NO_PROGRESS, uuid, World } from './world';

const DEPS = { tag: 'ab12' } as const;
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let world: World;
let from: string;
let to: string;
beforeEach(() => {
  world = new World();
  from = join(world.path, 'from');
  to = join(world.path, 'to');
  mkdirSync(from);
  mkdirSync(to);
});
afterEach(() => world.remove());

const copy = (more: Partial<ConversationCopy> = {}): ConversationCopy => ({
  harness: 'claude-code',
  projectId: 'shop',
  sessionId: 'sh-orchestrator',
  sourceId: uuid(1),
  resumeId: uuid(1),
  sourceCwd: null,
  destinationCwd: world.managed,
  projectPath: world.project,
  files: [],
  size: 0,
  messages: 0,
  destination: 'absent',
  ...more,
});
const trimmed = async (file: OpenFile): Promise<Rewrite> => ({ end: await endOfRows(file), edits: [] });
const job = (name: string, more: Partial<StagingJob> = {}): StagingJob => ({
  source: join(from, name),
  sourceRoot: from,
  destination: join(to, 'a', 'b', name),
  destinationRoot: to,
  rewrite: trimmed,
  ...more,
});
const stage = (jobs: StagingJob[]) => stageFiles(copy(), jobs, NO_PROGRESS, DEPS);

describe('staging', () => {
  test('writes under a temporary name, hashes all three forms, places under the real name', async () => {
    writeFileSync(join(from, 'x'), 'one\ntwo\nthr');
    const before = fingerprint(from);
    const staged = await stage([job('x')]);
    const [file] = staged.files;
    expect(existsSync(join(to, 'a', 'b', 'x'))).toBe(false);
    expect(readdirSync(join(to, 'a', 'b')).every((name) => name.startsWith(TEMPORARY_PREFIX))).toBe(true);
    expect(file).toMatchObject({
      destination: join(to, 'a', 'b', 'x'),
      sourceSha256: sha256('one\ntwo\nthr'),
      trimmedSha256: sha256('one\ntwo\n'),
      sha256: sha256('one\ntwo\n'),
      size: 8,
    });
    expect(staged.createdDirectories).toEqual([join(to, 'a'), join(to, 'a', 'b')]);
    await placeFiles(staged);
    expect(readFileSync(join(to, 'a', 'b', 'x'), 'utf8')).toBe('one\ntwo\n');
    expect(readdirSync(join(to, 'a', 'b'))).toEqual(['x']);
    expect(fingerprint(from)).toEqual(before);
  });

  test('edits and a tail are hashed as part of the result only', async () => {
    writeFileSync(join(from, 'x'), 'one\ntwo\n');
    const tail = () => Buffer.from('end\n');
    const edits: Edit[] = [{ start: 0, end: 3, bytes: Buffer.from('ONE') }];
    const staged = await stage([
      job('x', { rewrite: async () => ({ end: 8, edits: [], tail }) }),
      job('x', { destination: join(to, 'y'), rewrite: async () => ({ end: 8, edits, tail }) }),
    ]);
    expect(staged.files.map((file) => file.sha256)).toEqual([sha256('one\ntwo\nend\n'), sha256('ONE\ntwo\nend\n')]);
    expect(staged.files.map((file) => file.trimmedSha256)).toEqual([sha256('one\ntwo\n'), sha256('one\ntwo\n')]);
    expect(staged.files.map((file) => file.size)).toEqual([12, 12]);
  });

  test.each(['000', '277'])('files are 0600 and directories 0700 under umask %s', (umask) => {
    writeFileSync(join(from, 'x'), 'one\n', { mode: 0o644 });
    const script = `
      import { stageFiles, placeFiles } from ${JSON.stringify(join(import.meta.dir, '../../src/sessions/staging.ts'))};
      process.umask(0o${umask});
      const copy = ${JSON.stringify(copy())};
      const job = { source: ${JSON.stringify(join(from, 'x'))}, sourceRoot: ${JSON.stringify(from)},
        destination: ${JSON.stringify(join(to, 'a', 'b', 'x'))}, destinationRoot: ${JSON.stringify(to)},
        rewrite: async (file) => ({ end: file.size, edits: [] }) };
      await placeFiles(await stageFiles(copy, [job], { advance() {} }, { tag: 'ab' }));
    `;
    const run = spawnSync(process.execPath, ['-e', script], { env: { HOME: world.home }, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(statSync(join(to, 'a', 'b', 'x')).mode & 0o777).toBe(0o600);
    expect(statSync(join(to, 'a', 'b')).mode & 0o777).toBe(0o700);
    expect(statSync(join(to, 'a')).mode & 0o777).toBe(0o700);
  });

  test('the time of the copy is now, not that of the source', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    utimesSync(join(from, 'x'), 1_600_000_000, 1_600_000_000);
    const staged = await stage([job('x')]);
    await placeFiles(staged);
    expect(Math.abs(statSync(join(to, 'a', 'b', 'x')).mtimeMs - Date.now())).toBeLessThan(60_000);
  });

  test('reports each byte of the sources once', async () => {
    writeFileSync(join(from, 'x'), `${'x'.repeat(3_000_000)}\ntorn`);
    let advanced = 0;
    await stageFiles(copy(), [job('x')], { advance: (bytes) => (advanced += bytes) }, DEPS);
    expect(advanced).toBe(3_000_005);
  });

  test('place makes the main file visible last', async () => {
    for (const name of ['main', 'side']) writeFileSync(join(from, name), `${name}\n`);
    writeFileSync(join(to, 'taken'), 'theirs');
    const staged = await stage([job('main'), job('side', { destination: join(to, 'taken') })]);
    await expect(placeFiles(staged)).rejects.toMatchObject({ code: 'CONVERSATION_CONFLICT' });
    expect(existsSync(join(to, 'a', 'b', 'main'))).toBe(false);
  });
});

describe('nothing is overwritten, nothing foreign is removed', () => {
  test('a file that appears at the destination stays, and what was staged goes', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const staged = await stage([job('x')]);
    writeFileSync(join(to, 'a', 'b', 'x'), 'one\n');
    await expect(placeFiles(staged)).rejects.toMatchObject({ code: 'CONVERSATION_CONFLICT' });
    await discardFiles(staged);
    expect(filesBelow(to)).toEqual([join(to, 'a', 'b', 'x')]);
  });

  test('a link at the destination is not written through', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    writeFileSync(join(world.path, 'victim'), 'theirs');
    const staged = await stage([job('x')]);
    symlinkSync(join(world.path, 'victim'), join(to, 'a', 'b', 'x'));
    await expect(placeFiles(staged)).rejects.toMatchObject({ code: 'CONVERSATION_CONFLICT' });
    expect(readFileSync(join(world.path, 'victim'), 'utf8')).toBe('theirs');
  });

  test('discard removes staged files, placed files and the directories made for them', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const staged = await stage([job('x')]);
    await discardFiles(staged);
    expect(readdirSync(to)).toEqual([]);
    const again = await stage([job('x')]);
    await placeFiles(again);
    await discardFiles(again);
    expect(readdirSync(to)).toEqual([]);
    await discardFiles(again);
  });

  test.each(['one\ntwo\n', 'One\n', ''])('discard keeps a placed file that is now %j', async (text) => {
    writeFileSync(join(from, 'x'), 'one\n');
    const staged = await stage([job('x')]);
    await placeFiles(staged);
    writeFileSync(join(to, 'a', 'b', 'x'), text);
    await discardFiles(staged);
    expect(readFileSync(join(to, 'a', 'b', 'x'), 'utf8')).toBe(text);
  });

  test('discard undoes an accident between link and unlink', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const staged = await stage([job('x')]);
    for (const file of staged.files) linkSync(file.temporary, file.destination);
    await discardFiles(staged);
    expect(readdirSync(to)).toEqual([]);
  });

  test('discard keeps a directory in which something else lies', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const staged = await stage([job('x')]);
    writeFileSync(join(to, 'a', 'other'), 'theirs');
    await discardFiles(staged);
    expect(filesBelow(to)).toEqual([join(to, 'a', 'other')]);
    expect(existsSync(join(to, 'a', 'b'))).toBe(false);
  });

  test('a failure removes all that was made before it', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const attempt = stage([job('x'), job('missing', { destination: join(to, 'c', 'd') })]);
    await expect(attempt).rejects.toMatchObject({ code: 'ENOENT' });
    expect(readdirSync(to)).toEqual([]);
  });

  test('a failure in the middle of a file leaves no temporary file', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const tail = () => {
      throw new Error('in the middle');
    };
    const attempt = stage([job('x', { rewrite: async () => ({ end: 4, edits: [], tail }) })]);
    await expect(attempt).rejects.toThrow('in the middle');
    expect(readdirSync(to)).toEqual([]);
  });
});

describe('only regular files below the roots', () => {
  const refused = { code: 'CONVERSATION_UNREADABLE' };

  test('a linked source', async () => {
    writeFileSync(join(from, 'real'), 'one\n');
    symlinkSync('real', join(from, 'x'));
    await expect(stage([job('x')])).rejects.toMatchObject(refused);
  });

  test('a FIFO, without waiting for its writer', async () => {
    spawnSync('mkfifo', [join(from, 'x')]);
    await expect(stage([job('x')])).rejects.toMatchObject(refused);
  });

  test('a device', async () => {
    const device = job('zero', { source: '/dev/zero', sourceRoot: '/dev' });
    await expect(stage([device])).rejects.toMatchObject(refused);
  });

  test('a directory', async () => {
    mkdirSync(join(from, 'x'));
    await expect(stage([job('x')])).rejects.toMatchObject(refused);
  });

  test('a folder on the way that has become a link', async () => {
    mkdirSync(join(world.path, 'elsewhere'));
    writeFileSync(join(world.path, 'elsewhere', 'x'), 'secret\n');
    symlinkSync(join(world.path, 'elsewhere'), join(from, 'folder'));
    await expect(stage([job('folder/x')])).rejects.toMatchObject(refused);
  });

  test('a destination folder that is a link', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    mkdirSync(join(world.path, 'elsewhere'));
    symlinkSync(join(world.path, 'elsewhere'), join(to, 'a'));
    await expect(stage([job('x')])).rejects.toMatchObject(refused);
    expect(readdirSync(join(world.path, 'elsewhere'))).toEqual([]);
  });

  test('a path that climbs out of its root', async () => {
    writeFileSync(join(world.path, 'x'), 'one\n');
    await expect(stage([job('x', { source: join(from, '..', 'x') })])).rejects.toMatchObject(refused);
    await expect(stage([job('x', { destination: join(to, '..', 'y', 'x') })])).rejects.toMatchObject(refused);
  });
});

describe('a source that changes while it is copied', () => {
  /** Runs `change` while the first `times` copies are made. */
  const disturbed = (times: number, change: (attempt: number) => void): StagingJob => {
    let attempt = 0;
    return job('x', {
      rewrite: async (file) => ({
        ...(await trimmed(file)),
        see: () => {
          attempt += 1;
          if (attempt <= times) change(attempt);
        },
      }),
    });
  };

  test('is copied again, and as it is then', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const staged = await stage([disturbed(2, (attempt) => appendFileSync(join(from, 'x'), `more ${attempt}\n`))]);
    expect(staged.files[0]?.sha256).toBe(sha256('one\nmore 1\nmore 2\n'));
    expect(staged.files[0]?.sourceSha256).toBe(sha256('one\nmore 1\nmore 2\n'));
    expect(filesBelow(to)).toEqual(staged.files.map((file) => file.temporary));
  });

  test('also when only its time changes, as in a rewrite of equal length', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const staged = await stage([
      disturbed(1, () => {
        writeFileSync(join(from, 'x'), 'two\n');
        utimesSync(join(from, 'x'), 2_000_000_000, 2_000_000_000);
      }),
    ]);
    expect(staged.files[0]?.sha256).toBe(sha256('two\n'));
  });

  test('also when it grows and keeps its time', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    utimesSync(join(from, 'x'), 1_700_000_000, 1_700_000_000);
    const staged = await stage([
      disturbed(1, () => {
        appendFileSync(join(from, 'x'), 'two\n');
        utimesSync(join(from, 'x'), 1_700_000_000, 1_700_000_000);
      }),
    ]);
    expect(staged.files[0]?.sha256).toBe(sha256('one\ntwo\n'));
  });

  test('is reported once, however often it is copied', async () => {
    writeFileSync(join(from, 'x'), `${'x'.repeat(300_000)}\n`);
    let advanced = 0;
    const advance = (bytes: number) => {
      expect(bytes).toBeGreaterThan(0);
      advanced += bytes;
    };
    await stageFiles(copy(), [disturbed(1, () => appendFileSync(join(from, 'x'), 'm\n'))], { advance }, DEPS);
    expect(advanced).toBe(300_003);
  });

  test('also when another file takes its place with the same size and time', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    writeFileSync(join(from, 'y'), 'two\n');
    for (const name of ['x', 'y']) utimesSync(join(from, name), 1_700_000_000, 1_700_000_000);
    const staged = await stage([disturbed(1, () => renameSync(join(from, 'y'), join(from, 'x')))]);
    expect(staged.files[0]?.sha256).toBe(sha256('two\n'));
  });

  test('and vanishes is an error, and leaves nothing', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    await expect(stage([disturbed(1, () => rmSync(join(from, 'x')))])).rejects.toMatchObject({ code: 'ENOENT' });
    expect(readdirSync(to)).toEqual([]);
  });

  test('is given up when it never stands still, and leaves nothing', async () => {
    writeFileSync(join(from, 'x'), 'one\n');
    const attempt = stage([disturbed(99, (n) => appendFileSync(join(from, 'x'), `more ${n}\n`))]);
    await expect(attempt).rejects.toMatchObject({ code: 'CONVERSATION_UNREADABLE' });
    expect(readdirSync(to)).toEqual([]);
  });
});

describe('rows and edits', () => {
  test('splits rows alike however the chunks fall', () => {
    const text = Buffer.from('a\n\nbcd\n{"x":1}\ntorn');
    for (let size = 1; size <= text.length; size += 1) {
      const rows: string[] = [];
      const starts: number[] = [];
      const splitter = new RowSplitter((row: Row) => {
        rows.push(row.bytes.toString());
        starts.push(row.start);
      });
      for (let at = 0; at < text.length; at += size) splitter.push(Buffer.from(text.subarray(at, at + size)));
      expect(rows).toEqual(['a', '', 'bcd', '{"x":1}']);
      expect(starts).toEqual([0, 2, 3, 7]);
      expect(splitter.end).toBe(15);
    }
  });

  test('keeps what it holds when the caller reuses its chunk', () => {
    const rows: string[] = [];
    const splitter = new RowSplitter((row: Row) => rows.push(row.bytes.toString()));
    const chunk = Buffer.alloc(3);
    for (const part of ['abc', 'def', 'g\nh', 'ij\n']) {
      chunk.write(part);
      splitter.push(chunk);
    }
    expect(rows).toEqual(['abcdefg', 'hij']);
  });

  test('shows the beginning of a row above the cap and counts all of it', () => {
    const rows: { length: number; shown: number; whole: boolean }[] = [];
    const splitter = new RowSplitter(({ bytes, length, whole }) => rows.push({ length, shown: bytes.length, whole }));
    const chunk = Buffer.alloc(ROW_CAP / 4, 0x61);
    for (let n = 0; n < 5; n += 1) splitter.push(chunk);
    splitter.push(Buffer.from(`\n${'b'.repeat(10)}\n`));
    splitter.push(Buffer.concat([chunk, chunk, chunk, chunk, Buffer.from('\n')]));
    expect(rows).toEqual([
      { length: ROW_CAP * 1.25 + 1, shown: ROW_CAP, whole: false },
      { length: 11, shown: 10, whole: true },
      { length: ROW_CAP + 1, shown: ROW_CAP, whole: true },
    ]);
  });

  test('applies edits alike however the chunks fall', () => {
    const text = Buffer.from('0123456789');
    const edits: Edit[] = [
      { start: 0, end: 2, bytes: Buffer.from('AB+') },
      { start: 2, end: 3, bytes: Buffer.from('') },
      { start: 5, end: 9, bytes: Buffer.from('-') },
    ];
    for (let size = 1; size <= text.length; size += 1) {
      const splice = splicer(edits);
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < text.length; at += size) {
        for (const piece of splice(text.subarray(at, at + size))) pieces.push(Buffer.from(piece));
      }
      expect(Buffer.concat(pieces).toString()).toBe('AB+34-9');
    }
  });

  test('compares to the byte', async () => {
    const source = world.write(join(from, 'source'), 'one\ntwo\n');
    for (const [text, expected] of [
      ['one\ntwo\n', 'equal'],
      ['one\ntwo\nthree', 'grown'],
      ['one\n', 'different'],
      ['', 'different'],
      ['one\ntwO\n', 'different'],
    ] as const) {
      const existing = world.write(join(to, 'existing'), text);
      const state = await withFile(source, (file) =>
        withFile(existing, (other) => compare(other, rewritten(file, { end: file.size, edits: [] }))),
      );
      expect(state).toBe(expected);
    }
  });

  test('finds the last newline wherever it is', async () => {
    for (const [text, end] of [
      ['', 0],
      ['torn', 0],
      ['a\n', 2],
      [`a\n${'b'.repeat(200_000)}`, 2],
      [`${'a'.repeat(131_071)}\n${'b'.repeat(65_536)}`, 131_072],
    ] as const) {
      const path = world.write(join(from, 'x'), text);
      expect(await withFile(path, endOfRows)).toBe(end);
    }
  });
});

describe('memory', () => {
  test('does not grow with the file or with its rows', () => {
    const path = join(from, 'x');
    const row = Buffer.alloc(16 * 1024 * 1024, 0x61);
    for (let n = 0; n < 4; n += 1) appendFileSync(path, Buffer.concat([row, Buffer.from('\n')]));
    const script = `
      import { transcriptRewrite } from ${JSON.stringify(join(import.meta.dir, '../../src/sessions/claude-transcript.ts'))};
      import { stageFiles, placeFiles } from ${JSON.stringify(join(import.meta.dir, '../../src/sessions/staging.ts'))};
      const job = { source: ${JSON.stringify(path)}, sourceRoot: ${JSON.stringify(from)},
        destination: ${JSON.stringify(join(to, 'x'))}, destinationRoot: ${JSON.stringify(to)},
        rewrite: (file) => transcriptRewrite(file, ${JSON.stringify(uuid(1))}, true) };
      const before = process.memoryUsage.rss();
      let most = 0;
      const advance = () => { most = Math.max(most, process.memoryUsage.rss()); };
      await placeFiles(await stageFiles(${JSON.stringify(copy())}, [job], { advance }, { tag: 'ab' }));
      console.log(most - before);
    `;
    const run = spawnSync(process.execPath, ['-e', script], { env: { HOME: world.home }, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    expect(lstatSync(join(to, 'x')).size).toBe(4 * (row.length + 1));
    expect(Number(run.stdout) / 1024 / 1024).toBeLessThan(32);
  });
});

describe('a file system without hard links', () => {
  const staged = (temporary: string): StagedFile => ({
    temporary,
    destination: join(to, 'x'),
    sourceSha256: '',
    trimmedSha256: '',
    sha256: '',
    size: 4,
  });

  test('is served by a reserved name', () => {
    const temporary = world.write(join(to, `${TEMPORARY_PREFIX}x`), 'one\n');
    placeWithoutLink(staged(temporary));
    expect(readdirSync(to)).toEqual(['x']);
    expect(readFileSync(join(to, 'x'), 'utf8')).toBe('one\n');
  });

  test('which is never somebody else’s', () => {
    const temporary = world.write(join(to, `${TEMPORARY_PREFIX}x`), 'one\n');
    world.write(join(to, 'x'), 'theirs');
    expect(() => placeWithoutLink(staged(temporary))).toThrow(
      expect.objectContaining({ code: 'CONVERSATION_CONFLICT' }),
    );
    expect(readFileSync(join(to, 'x'), 'utf8')).toBe('theirs');
    expect(readFileSync(temporary, 'utf8')).toBe('one\n');
  });

  test('and which is given up when the rename fails', () => {
    expect(() => placeWithoutLink(staged(join(to, 'gone')))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(readdirSync(to)).toEqual([]);
  });

  test('is taken for one by the answer to a link', async () => {
    // A directory cannot be linked anywhere, and cannot replace the reserving file either.
    const temporary = join(to, `${TEMPORARY_PREFIX}directory`);
    mkdirSync(temporary);
    const placed = placeFiles({ copy: copy(), files: [staged(temporary)], createdDirectories: [] });
    await expect(placed).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(existsSync(join(to, 'x'))).toBe(false);
  });
});
