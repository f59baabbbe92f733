import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HERE, node, script } from '../support/installed';
import { cleanUp, GOOD, lay, postinstall, ran, sends, serve } from '../support/ladder';

setDefaultTimeout(180_000);
afterEach(cleanUp);

describe('the postinstall', () => {
  test('never fails: an executable that fails, hangs up or cannot be started', async () => {
    for (const body of ['exit 3', 'kill -9 $$']) {
      const bad = script(body);
      const laid = lay(bad);
      laid.add(HERE, bad);
      const done = await postinstall(laid, {});
      expect(done.exitCode).toBe(0);
      expect(done.stderr).toBe(
        'ao-migrate: the migration was interrupted; the next run finishes or undoes it (later: run `ao-migrate`)\n',
      );
      laid.remove();
    }
  });
  test('hands a signal on and ends well', async () => {
    const waits = script(`trap 'kill $!; exit 0' TERM; sleep 30 >/dev/null 2>&1 & echo ready >&2; wait`);
    const laid = lay(waits);
    laid.add(HERE, waits);
    const child = Bun.spawn(['node', join(laid.main, 'lib', 'postinstall.js')], { stdin: 'ignore', stderr: 'pipe' });
    await child.stderr.getReader().read();
    child.kill('SIGTERM');
    expect(await child.exited).toBe(0);
  });
  test('is a function for other packages', async () => {
    const laid = lay();
    laid.add(HERE, GOOD);
    const caller = join(laid.modules, 'caller.js');
    writeFileSync(caller, "require('ao-migrate/postinstall').postinstall().then(() => console.log('went on'));\n");
    expect(await node(caller)).toMatchObject({ stdout: 'went on\n', stderr: '', exitCode: 0 });
    expect(readFileSync(ran(join(laid.modules)), 'utf8')).toContain('postinstall');
  });
  test('fetch.js fetches without migrating, and says where', async () => {
    const laid = lay();
    const server = await serve(sends(GOOD));
    const done = await node(join(laid.main, 'lib', 'fetch.js'), [], { AO_MIGRATE_MIRROR: server.address });
    expect(done).toMatchObject({
      exitCode: 0,
      stderr: `ao-migrate: ready (${join(laid.main, 'vendor', HERE.name, HERE.file)})\n`,
    });
    expect(existsSync(ran(laid.main))).toBe(false);
    chmodSync(join(laid.main, 'lib'), 0o755);
    expect((await node(join(lay().main, 'lib', 'fetch.js'))).exitCode).toBe(1);
  });
});
