import { afterEach, expect, test } from 'bun:test';
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runJson } from '../support/executable';
import { type Home, realFixture, write } from '../support/home';

let home: Home;
afterEach(() => home.remove(), 180_000);

function install(script: string): Record<string, string> {
  home = realFixture('v2-stopped');
  write(home, { 'bin/claude': script });
  chmodSync(join(home.path, 'bin/claude'), 0o755);
  return { PATH: `${join(home.path, 'bin')}:/usr/bin:/bin` };
}

test('the installed agent that the conversations need is named in the plan', async () => {
  const env = install('#!/bin/sh\necho "2.1.329 (Claude Code)"\n');
  const done = await runJson(home, ['--dry-run'], { env });
  expect(done.document.notes).toContainEqual(
    expect.objectContaining({ code: 'AGENT_VERSION', message: 'Claude Code 2.1.329 is installed' }),
  );
});

test('it is asked with an empty home, and one that says nothing sensible is named as such', async () => {
  const env = install('#!/bin/sh\n[ -e "$HOME/.claude" ] && echo "9.9.9" || echo "no version"\n');
  const done = await runJson(home, ['--dry-run'], { env });
  expect(done.document.notes).toContainEqual(expect.objectContaining({ code: 'HARNESS_VERSION' }));
});

test('nobody is asked where nothing is to be resumed', async () => {
  const env = install('#!/bin/sh\necho asked >> "$(dirname "$0")/asked"\necho 2.1.329\n');
  await runJson(home, ['--yes'], { env });
  const again = await runJson(home, ['--yes'], { env });
  expect(again.document).toMatchObject({ status: 'already-migrated' });
  expect(readFileSync(join(home.path, 'bin/asked'), 'utf8')).toBe('asked\n');
});
