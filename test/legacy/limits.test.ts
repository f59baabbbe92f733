import { afterEach, describe, expect, test } from 'bun:test';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { type Files, layOut, orchestrator, removeHomes } from '../support/store';

afterEach(removeHomes);

interface Ending {
  readonly ended: string;
  readonly milliseconds: number;
  readonly megabytes: number;
}

/** How reading the store of a home ends, in a process of its own. */
function read(home: string): Ending {
  const script = join(import.meta.dir, '..', 'support', 'read-store.ts');
  const child = Bun.spawnSync([process.execPath, script, home], { env: { HOME: home, PATH: process.env.PATH ?? '' } });
  expect(child.stderr.toString()).toBe('');
  return JSON.parse(child.stdout.toString());
}

/** A process that reads nothing takes 45 MB. */
const BOUNDED = 200;

describe('limits', () => {
  test('a config of 200 MB is refused without being read', () => {
    const home = layOut({ 'AO/config.yaml': 'projects: {}\n' });
    truncateSync(join(home, '.agent-orchestrator/config.yaml'), 200 * 1024 * 1024);
    const { ended, milliseconds, megabytes } = read(home);
    expect(ended).toStartWith('LEGACY_UNREADABLE');
    expect(ended).toContain('larger than');
    expect(megabytes).toBeLessThan(BOUNDED);
    expect(milliseconds).toBeLessThan(3_000);
  });

  test('an alias bomb is refused', () => {
    const level = (name: string, of: string): string => `${name}: &${name} [${Array(9).fill(`*${of}`).join(', ')}]\n`;
    const names = [...'bcdefghij'];
    const bomb = `a: &a [${Array(9).fill('lol').join(', ')}]\n${names.map((name, index) => level(name, names[index - 1] ?? 'a')).join('')}projects: *j\n`;
    const { ended, megabytes } = read(layOut({ 'AO/config.yaml': bomb }));
    expect(ended).toStartWith('LEGACY_UNREADABLE');
    expect(megabytes).toBeLessThan(BOUNDED);
  });

  test('huge files of other kinds cost only themselves', () => {
    const files: Files = {
      'AO/config.yaml': 'projects:\n  app: {path: "{{HOME}}/app"}\n',
      'app/agent-orchestrator.yaml': 'x',
      'AO/projects/app/sessions/app-orchestrator.json': orchestrator(),
      'AO/projects/app/sessions/app-1.json': '{}',
      'AO/portfolio/preferences.json': '{}',
      'AO/running.json': '{}',
      'AO/0123456789ab/.origin': 'x',
      '.claude.json': '{}',
    };
    const home = layOut(files);
    for (const name of Object.keys(files).filter((each) => !/config\.yaml|app-orchestrator/.test(each)))
      truncateSync(join(home, name.replace('AO/', '.agent-orchestrator/')), 300 * 1024 * 1024);
    const { ended, milliseconds, megabytes } = read(home);
    expect(ended).toBe('1 projects, 1 orchestrators');
    expect(megabytes).toBeLessThan(BOUNDED);
    expect(milliseconds).toBeLessThan(3_000);
  });

  test('many projects with records of both generations are read and drafted in a time that grows with their number', () => {
    const small = read(layOut(store(60)));
    const large = read(layOut(store(600)));
    expect(large.ended).toBe('600 projects, 600 orchestrators');
    // Ten times the work; a quadratic step would make it a hundred times. The floor keeps the noise of a busy machine out.
    expect(large.milliseconds).toBeLessThan(Math.max(3_000, small.milliseconds * 25));
    expect(large.megabytes).toBeLessThan(BOUNDED);
  }, 180_000);
});

/** Every project has a V1 directory with an `.origin`, a date in the portfolio, and five V2 records. */
function store(projects: number): Files {
  const files: Record<string, string> = {};
  const registered: unknown[] = [];
  let config = 'projects:\n';
  for (let index = 0; index < projects; index++) {
    const id = `project-${index}_0123456789`;
    const hash = index.toString(16).padStart(12, '0');
    config += `  ${id}:\n    projectId: ${id}\n    path: /srv/project-${index}\n    sessionPrefix: p${index}\n`;
    registered.push({ path: `/srv/project-${index}`, addedAt: '2026-03-01T00:00:00Z' });
    files[`AO/${hash}-project-${index}/.origin`] = `/srv/project-${index}/agent-orchestrator.yaml`;
    files[`AO/projects/${id}/sessions/p${index}-orchestrator.json`] = orchestrator({ worktree: `/wt/${index}` });
    for (let worker = 1; worker < 5; worker++)
      files[`AO/projects/${id}/sessions/p${index}-${worker}.json`] = '{"status":"working"}';
  }
  files['AO/config.yaml'] = config;
  files['AO/portfolio/registered.json'] = JSON.stringify({ version: 1, projects: registered });
  return files;
}
