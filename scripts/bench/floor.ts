/**
 * The least that a migration can cost: reads the same flat files, copies and syncs the same conversations eight at a time, and
 * writes the same rows into the same schema in one transaction. It decides, checks and remembers nothing, and writes no
 * receipt. What to do comes from a `Work` that was taken from a real run; where to, below a folder of its own.
 */
import { Database, type SQLQueryBindings } from 'bun:sqlite';
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { applyMigrations } from '../../src/rewrite/goose';
import { MIGRATIONS } from '../../src/rewrite/migrations';
import { inParallel } from '../../src/sessions/in-parallel';

/** What one real run read and wrote. */
export interface Work {
  readonly files: readonly string[];
  readonly copies: readonly { readonly source: string; readonly destination: string }[];
  readonly rows: readonly { readonly table: string; readonly values: Readonly<Record<string, SQLQueryBindings>> }[];
}

function readAll(files: readonly string[]): number {
  let buffer = Buffer.allocUnsafe(64 * 1024);
  let total = 0;
  for (const file of files) {
    const descriptor = openSync(file, 'r');
    const { size } = fstatSync(descriptor);
    if (size > buffer.length) buffer = Buffer.allocUnsafe(size);
    total += readSync(descriptor, buffer, 0, size, null);
    closeSync(descriptor);
  }
  return total;
}

async function copy(source: string, destination: string): Promise<void> {
  await mkdir(dirname(destination), { recursive: true });
  const from = await open(source, 'r');
  const { size } = await from.stat();
  const bytes = Buffer.allocUnsafe(size);
  await from.read(bytes, 0, size, 0);
  await from.close();
  const to = await open(`${destination}.part`, 'wx', 0o600);
  await to.write(bytes);
  await to.sync();
  await to.close();
  await rename(`${destination}.part`, destination);
  for (const path of [dirname(destination), dirname(dirname(destination))]) {
    const directory = await open(path, 'r');
    await directory.sync();
    await directory.close();
  }
}

function writeRows(path: string, rows: Work['rows']): void {
  const db = new Database(path, { create: true });
  db.run('PRAGMA journal_mode = MEMORY');
  db.run('PRAGMA synchronous = OFF');
  applyMigrations(db, MIGRATIONS);
  db.transaction(() => {
    for (const { table, values } of rows) {
      const names = Object.keys(values);
      const sql = `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
      db.query(sql).run(...Object.values(values));
    }
  })();
  db.close();
  const file = openSync(path, 'r+');
  fsyncSync(file);
  closeSync(file);
}

if (import.meta.main) {
  const [, , workFile = '', folder = '', only = ''] = process.argv;
  const work: Work = JSON.parse(readFileSync(workFile, 'utf8'));
  const flat = readAll(work.files);
  const conversations = work.copies.map(({ source }) => source);
  if (only === 'read') process.stdout.write(`${flat + readAll(conversations)}\n`);
  else {
    mkdirSync(folder, { recursive: true });
    await inParallel(work.copies, 8, ({ source, destination }) => copy(source, join(folder, destination)));
    writeRows(join(folder, 'ao.db'), work.rows);
    process.stdout.write(`${flat}\n`);
  }
}
