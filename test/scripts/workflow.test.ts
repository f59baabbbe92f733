import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { RUNTIME_VERSION } from '../../scripts/runtime';
import { TARGETS } from '../../scripts/targets';

/** The workflow cannot be run here: what it starts is there, and its order is the one that the runbook promises. */
const ROOT = resolve(import.meta.dir, '../..');

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly 'runs-on': string;
  readonly 'timeout-minutes': number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly strategy?: { readonly matrix: { readonly include: readonly { runner: string; target: string }[] } };
  readonly steps: readonly Step[];
}

const workflow: { readonly jobs: Readonly<Record<string, Job>> } = parse(
  readFileSync(join(ROOT, '.github/workflows/release.yml'), 'utf8'),
);
const jobs = Object.entries(workflow.jobs);
const scripts: { readonly scripts: Readonly<Record<string, string>>; readonly packageManager: string } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
);
const needs = ({ needs: named = [] }: Job): readonly string[] => [named].flat();
const runs = jobs.flatMap(([job, { steps }]) =>
  steps.flatMap(({ name, run, shell }) => (run === undefined ? [] : [{ job, name, run, shell }])),
);

test('all that it starts is there', () => {
  const started = runs.flatMap(({ run }) =>
    [...run.matchAll(/(?<![\w/.-])(?:\.ci|scripts)\/[\w.-]+/g)].map(([file]) => file),
  );
  expect(new Set(started)).toEqual(
    new Set([
      '.ci/run',
      'scripts/build.ts',
      'scripts/smoke.ts',
      'scripts/smoke-install.sh',
      'scripts/test-package.ts',
      'scripts/release.ts',
    ]),
  );
  for (const file of started) expect(statSync(join(ROOT, file)).isFile()).toBe(true);
  // For others it is what the umask left at the checkout.
  for (const file of ['.ci/run', 'scripts/smoke-install.sh'])
    expect(statSync(join(ROOT, file)).mode & 0o100).toBe(0o100);
});

test('every Bun in it, and in what people are told, is the pinned one', () => {
  expect(scripts.packageManager).toBe(`bun@${RUNTIME_VERSION}`);
  const files = ['.ci/run', 'README.md', 'CONTRIBUTING.md', 'docs/RUNBOOK.md'].map((name) => join(ROOT, name));
  const workflows = join(ROOT, '.github/workflows');
  files.push(...readdirSync(workflows).map((name) => join(workflows, name)));
  const named = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\bbun@([\w.-]*\w)/g)]);
  expect(new Set(named.map(([, version]) => version))).toEqual(new Set([RUNTIME_VERSION]));
});

test('the shell can read what it is given', () => {
  for (const { name, run, shell } of runs) {
    if (shell === 'pwsh') continue;
    const text = run.replace(/\$\{\{[^}]*\}\}/g, 'x');
    const read = Bun.spawnSync(['bash', '-n'], { env: { PATH: process.env.PATH }, stdin: Buffer.from(text) });
    expect([name, read.stderr.toString()]).toEqual([name, '']);
  }
});

test('a step of PowerShell that makes a program fail says itself how it ends', () => {
  for (const { run } of runs.filter(({ shell }) => shell === 'pwsh')) {
    // The service lets the step end with the code of the last program.
    const last = run.lastIndexOf('-ne 1');
    if (last !== -1) expect(run.slice(last)).toContain('\nexit 0');
  }
});

describe('jobs', () => {
  test('name each other, have a limit, and each executable is started on exactly one system', () => {
    for (const [, job] of jobs) {
      for (const name of needs(job)) expect(Object.keys(workflow.jobs)).toContain(name);
      expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
    }
    const started = jobs.flatMap(([, { strategy }]) => (strategy?.matrix.include ?? []).map(({ target }) => target));
    expect(started.toSorted()).toEqual(TARGETS.map(({ name }) => name).toSorted());
  });
  test('run on the system and processor of their executable', () => {
    for (const { runner, target } of jobs.flatMap(([, { strategy }]) => strategy?.matrix.include ?? [])) {
      const [system = '', cpu = ''] = target.split('-');
      expect(runner).toStartWith({ darwin: 'macos', linux: 'ubuntu', win32: 'windows' }[system] ?? '?');
      if (system === 'darwin') expect(runner.endsWith('-intel')).toBe(cpu === 'x64');
      else expect(runner.endsWith('-arm')).toBe(cpu === 'arm64');
    }
  });
  test('publish only after every system is green, with no more rights than that needs', () => {
    const { publish, build, ...tests } = workflow.jobs;
    if (publish === undefined) throw new Error('nothing is published');
    expect(needs(publish).toSorted()).toEqual(Object.keys(tests).toSorted());
    for (const job of Object.values(tests)) {
      expect(needs(job)).toEqual(['build']);
      expect(job.permissions).toBeUndefined();
    }
    expect(build?.permissions).toBeUndefined();
    expect(publish.permissions).toEqual({ contents: 'write', 'id-token': 'write', attestations: 'write' });
    expect(publish.environment).toBe('release');
    expect(JSON.stringify(tests) + JSON.stringify(build)).not.toContain('secrets.');
  });
  test('publish files first, then packages, then the mark of the latest', () => {
    const steps = (workflow.jobs.publish?.steps ?? []).map(({ run = '' }) => run);
    const at = (text: string): number => steps.findIndex((run) => run.includes(text));
    expect(at('sourceCommit')).toBe(at('gh release create'));
    expect(at('gh release create')).toBeGreaterThan(0);
    expect(at('gh release create')).toBeLessThan(at('scripts/release.ts --built'));
    expect(at('scripts/release.ts --built')).toBeLessThan(at('--latest'));
    expect(steps.filter((run) => run.includes('npm publish'))).toEqual([]);
  });
});
