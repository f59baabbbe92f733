import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../src/contracts/refusals';
import { locateLegacy, locationOf } from '../../src/legacy/locate';
import { emptyHome, type Home, machineAt } from '../support/home';

let home: Home;
beforeEach(() => {
  home = emptyHome();
});
afterEach(() => home.remove());

test('the folder of --from is of this home or of another machine, whether it is still there or not', () => {
  for (const [name, foreign] of [
    ['.agent-orchestrator', false],
    ['another', true],
  ] as const) {
    const from = join(home.path, name);
    const flags = { from, config: null };
    mkdirSync(from);
    expect(locateLegacy(machineAt(home.path), flags)).toMatchObject({ root: from, foreign });
    rmSync(from, { recursive: true });
    expect(locationOf(machineAt(home.path), flags)).toMatchObject({ root: from, foreign });
    expect(() => locateLegacy(machineAt(home.path), flags)).toThrow(UsageError);
  }
});
