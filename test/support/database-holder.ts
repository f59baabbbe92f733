import { Database } from 'bun:sqlite';

/** A second process with a database open; the first line on its stdout says that it is so. */
export type Holding = 'idle' | 'reading' | 'writing';

export interface Holder {
  readonly pid: number;
  end(): Promise<void>;
}

const STATEMENTS: Readonly<Record<Holding, readonly string[]>> = {
  idle: ['SELECT count(*) FROM sqlite_master'],
  reading: ['BEGIN', 'SELECT count(*) FROM sqlite_master'],
  writing: ['BEGIN IMMEDIATE'],
};

/** Starts the process and waits until it holds the database: open and idle, in a read, or in a write transaction. */
export async function holdDatabase(file: string, holding: Holding): Promise<Holder> {
  const child = await start(file, ['hold', ...STATEMENTS[holding]]);
  return {
    pid: child.pid,
    async end() {
      child.kill('SIGKILL');
      await child.exited;
    },
  };
}

/** Runs statements in a process that is killed right after, so that a WAL database keeps its `-wal`. */
export async function killedWriter(file: string, statements: readonly string[]): Promise<void> {
  const child = await start(file, ['die', ...statements]);
  await child.exited;
}

async function start(file: string, args: readonly string[]) {
  const child = Bun.spawn([process.execPath, import.meta.path, file, ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const { done } = await child.stdout.getReader().read();
  if (done) throw new Error(`the process that was to hold ${file} ended`);
  return child;
}

if (import.meta.main) {
  const [file = '', then, ...statements] = process.argv.slice(2);
  const db = new Database(file, { readwrite: true });
  for (const statement of statements) db.query(statement).all();
  process.stdout.write('ready\n');
  if (then === 'die') process.kill(process.pid, 'SIGKILL');
  setInterval(() => db, 60_000);
}
