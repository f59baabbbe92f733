import { describe, expect, test } from 'bun:test';
import { readReport, sumOf, sumText } from '../../scripts/junit';

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="999" failures="0" skipped="0" time="0.1">
  <testsuite name="test/a&amp;b.test.ts" file="test/a&amp;b.test.ts" tests="6">
    <testcase name="one &gt; two" classname="" time="0" file="test/a&amp;b.test.ts" line="2" assertions="0" />
    <testsuite name="inner" file="test/a&amp;b.test.ts" line="4">
      <testcase name="skipped" time="0">
        <skipped />
      </testcase>
      <testcase name="todo" time="0"><skipped message="TODO" /></testcase>
      <testcase name="bad" time="0">
        <failure type="AssertionError" message="&lt;skipped /&gt; expected">Error&#10;</failure>
      </testcase>
    </testsuite>
    <testcase name="worse" time="0"><error message="x">y</error></testcase>
    <testcase name="last" time="0"></testcase>
  </testsuite>
  <testsuite name="test/c.test.ts" file="test/c.test.ts"><testcase name="c" /></testsuite>
</testsuites>`;

describe('readReport', () => {
  test('counts test by test, not by the sums of the report', () => {
    const { passed, failed, skipped, files } = readReport(XML);
    expect({ passed, failed, skipped }).toEqual({ passed: 3, failed: 2, skipped: 2 });
    expect([...files]).toEqual(['test/a&b.test.ts', 'test/c.test.ts']);
  });
  test('of nothing is nothing', () => expect(readReport('')).toMatchObject({ passed: 0, failed: 0, skipped: 0 }));
});

describe('sumOf', () => {
  const good = { passed: 5, failed: 0, skipped: 1, files: new Set(['a', 'b']) };
  test('a good run', () => {
    expect(sumText(sumOf(good, ['a', 'b'], 0, 0))).toBe('5 passed, 0 failed, 1 skipped');
  });
  test('a file that is not in the report failed', () => {
    const sum = sumOf(good, ['a', 'b', 'c'], 1, 0);
    expect(sum).toMatchObject({ failed: 1, missing: ['c'] });
  });
  test('a bad end without a failed test is a failure', () => {
    expect(sumOf(good, ['a', 'b'], 1, 0).failed).toBe(1);
    expect(sumOf({ ...good, failed: 2 }, ['a', 'b'], 1, 0).failed).toBe(2);
  });
  test('each failed step is one more', () => expect(sumOf(good, ['a', 'b'], 0, 2).failed).toBe(2));
  test('without a report nothing passed', () => {
    expect(sumText(sumOf(null, ['a'], 0, 0))).toBe('0 passed, 1 failed, 0 skipped');
    expect(sumText(sumOf(null, [], 1, 1))).toBe('0 passed, 2 failed, 0 skipped');
  });
});

test('a real report of this Bun is read right', async () => {
  const { mkdtempSync, readFileSync, rmSync, writeFileSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const folder = mkdtempSync(join(tmpdir(), 'junit-'));
  try {
    const cases = `import { describe, expect, test } from 'bun:test';
      test('good', () => {});
      describe('<&>', () => { test('bad "<skipped />"', () => { throw new Error('<skipped />'); }); });
      test.skip('skipped', () => {});
      test.todo('later');`;
    writeFileSync(join(folder, 'one.test.ts'), cases);
    writeFileSync(join(folder, 'two.test.ts'), "throw new Error('cannot be loaded');");
    const child = Bun.spawnSync([process.execPath, 'test', '--reporter=junit', '--reporter-outfile=report.xml'], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder },
    });
    const report = readReport(readFileSync(join(folder, 'report.xml'), 'utf8'));
    expect(report).toMatchObject({ passed: 1, failed: 1, skipped: 2 });
    const sum = sumOf(report, ['one.test.ts', 'two.test.ts'], child.exitCode, 0);
    expect(sum).toMatchObject({ failed: 2, missing: ['two.test.ts'] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
