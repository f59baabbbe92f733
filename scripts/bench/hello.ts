/** The least that a compiled program with SQLite costs: the yardstick for `--version` and `status`. */
import { Database } from 'bun:sqlite';

const db = new Database(':memory:');
process.stdout.write(
  `hello ${db.query<{ version: string }, []>('SELECT sqlite_version() AS version').get()?.version}\n`,
);
