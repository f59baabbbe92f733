import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { steadily } from '../../src/apply/steady';
import { Refusal, UsageError } from '../../src/contracts/refusals';

let folder: string;
let migrations: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ao-migrate-steady-'));
  migrations = join(folder, 'migrations');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const nobody = (): void => {};
const somebody = (): never => {
  throw new Refusal('RUN_IN_PROGRESS', 'Another ao-migrate is working.');
};
const gone = (): never => {
  throw Object.assign(new Error('ENOENT: no such file or directory'), { code: 'ENOENT' });
};

/** The traces of a run of another process: its lock comes and goes, its receipt stays. */
function anotherRun(receipt: string): void {
  mkdirSync(migrations, { recursive: true });
  writeFileSync(join(migrations, 'lock'), '');
  rmSync(join(migrations, 'lock'));
  writeFileSync(join(migrations, 'receipt.json'), receipt);
}

/** A look that the runs of others overtake so often; it fails where it is overtaken, if `fails`. */
function overtaken(times: number, fails: boolean): { look: () => number; count: () => number } {
  let count = 0;
  return {
    count: () => count,
    look: () => {
      count += 1;
      if (count > times) return count;
      anotherRun('x'.repeat(count));
      return fails ? gone() : count;
    },
  };
}

describe('a look without the lock', () => {
  test.each([true, false])(
    'where another run has begun or ended meanwhile is taken again (failing: %p)',
    async (fails) => {
      for (const isThere of [false, true]) {
        if (isThere) anotherRun('');
        const { look, count } = overtaken(2, fails);
        expect(await steadily(migrations, look, nobody)).toBe(3);
        expect(count()).toBe(3);
      }
    },
  );

  test('is taken once where nothing happens, whatever else stands in the folder', async () => {
    anotherRun('');
    const { look, count } = overtaken(0, false);
    expect(await steadily(migrations, look, somebody)).toBe(1);
    expect(count()).toBe(1);
  });

  test('sees a receipt that was written anew under its name', async () => {
    anotherRun('done');
    let count = 0;
    const look = (): number => {
      count += 1;
      if (count === 1) writeFileSync(join(migrations, 'receipt.json'), 'undone');
      return count;
    };
    expect(await steadily(migrations, look, nobody)).toBe(2);
  });

  test('counts at the third time, though runs go on and on', async () => {
    const { look, count } = overtaken(9, false);
    expect(await steadily(migrations, look, nobody)).toBe(3);
    expect(count()).toBe(3);
    await expect(steadily(migrations, overtaken(9, true).look, nobody)).rejects.toThrow('ENOENT');
  });

  test('that fails beside a run says so, unless the run cannot be why', async () => {
    const locked = (): never => {
      throw new Refusal('DB_LOCKED', 'locked');
    };
    const active = (): never => {
      throw new Refusal('LEGACY_ACTIVE', 'in use');
    };
    const wrong = (): never => {
      throw new UsageError('no such run');
    };
    for (const look of [gone, locked])
      await expect(steadily(migrations, look, somebody)).rejects.toThrow('Another ao-migrate');
    await expect(steadily(migrations, active, somebody)).rejects.toThrow('in use');
    await expect(steadily(migrations, wrong, somebody)).rejects.toThrow('no such run');
    await expect(steadily(migrations, gone, nobody)).rejects.toThrow('ENOENT');
    // Without a home there can be no run.
    await expect(steadily(null, gone, somebody)).rejects.toThrow('ENOENT');
  });
});
