import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeStore } from '../../scripts/bench/store';
import type { TargetFacts } from '../../src/contracts/facts';
import { storeMemory } from '../../src/legacy/file-memory';
import { type LegacyLocation, locateLegacy } from '../../src/legacy/locate';
import { migrate } from '../../src/migrate/migrate';
import { absentTarget } from '../../src/rewrite/inspect';
import { targetPaths } from '../../src/rewrite/paths';
import { type Survey, type SurveyTools, survey } from '../../src/survey/survey';
import { emptyHome, type Home, machineAt } from '../support/home';
import { surveyTools } from '../support/surveyed';

let home: Home;
let projects: readonly string[];
beforeAll(() => {
  home = emptyHome();
  makeStore(home.path, { projects: 2, recordsEach: 3, conversation: 1_000, seed: 7 });
  const config = readFileSync(join(home.path, '.agent-orchestrator', 'config.yaml'), 'utf8');
  projects = [...config.matchAll(/^ {2}(repo-\S+):$/gm)].map(([, id = '']) => id);
});
afterAll(() => home.remove());

const OPTIONS = { projects: [], exclude: [], onlyLive: false, resume: 'auto' } as const;
const at = (...parts: string[]): string => join(home.path, ...parts);
const record = (name: string): string => at('.agent-orchestrator', 'projects', projects[0] ?? '', 'sessions', name);

/** Looks for conversations are counted. */
function looking(): { tools: SurveyTools; location: LegacyLocation; target: TargetFacts; asked: () => number } {
  const machine = machineAt(home.path);
  const tools = surveyTools(machine);
  let asked = 0;
  const claude = tools.harnesses['claude-code'];
  const find: typeof claude.find = (request) => {
    asked++;
    return claude.find(request);
  };
  return {
    tools: {
      ...tools,
      harnesses: { ...tools.harnesses, 'claude-code': { ...claude, find } },
      // As if the files were old: of new ones nothing is remembered.
      read: { ...tools.read, memory: storeMemory(Date.now() + 60_000) },
    },
    location: locateLegacy(machine, { from: null, config: null }),
    target: absentTarget(targetPaths(machine, { dataDir: null, legacyRoots: [] })),
    asked: () => asked,
  };
}

describe('a second look', () => {
  test('is the first one where nothing changed: no conversation is looked for again', async () => {
    const { tools, location, target, asked } = looking();
    const first = await survey(location, target, OPTIONS, tools);
    expect(asked()).toBe(2);
    expect(await survey(location, { ...target }, OPTIONS, tools, first)).toBe(first);
    expect(asked()).toBe(2);
  });

  const rewritten = (file: string, from: string, to: string) => () => {
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
    return () => writeFileSync(file, text);
  };
  const added = (file: string, text: string) => () => {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    return () => rmSync(file);
  };
  const changes: Record<string, () => () => void> = {
    'the registry': () =>
      rewritten(at('.agent-orchestrator', 'config.yaml'), 'displayName: repo-0', 'displayName: r')(),
    "a project's own config": () => rewritten(at('code', 'repo-0', 'agent-orchestrator.yaml'), 'small', 'large')(),
    'a record of an orchestrator': () => rewritten(record('r0-orchestrator.json'), 'terminated', 'working')(),
    'a record of a worker': () => rewritten(record('r0-1.json'), '"agent": "claude-code"', '"agent": "codex"')(),
    'one more record': () => added(record('r0-orchestrator-2.json'), '{"role":"orchestrator"}')(),
    'the branch that is checked out': () => rewritten(at('code', 'repo-0', '.git', 'HEAD'), 'main', 'else')(),
    'the origin of a repository': () => rewritten(at('code', 'repo-0', '.git', 'config'), 'acme', 'other')(),
    'a new branch': () =>
      added(at('code', 'repo-0', '.git', 'refs', 'heads', 'orchestrator', 'r0-orchestrator'), `${'a'.repeat(40)}\n`)(),
    'where a worktree leads': () => {
      const worktree = at('.agent-orchestrator', 'projects', projects[0] ?? '', 'worktrees', 'r0-orchestrator');
      mkdirSync(join(worktree, '..'), { recursive: true });
      symlinkSync(home.path, worktree);
      return () => rmSync(worktree);
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    test(`is a new one after a change of ${name}`, async () => {
      const { tools, location, target, asked } = looking();
      const first = await survey(location, target, OPTIONS, tools);
      const before = asked();
      const undo = change();
      try {
        const second: Survey = await survey(location, target, OPTIONS, tools, first);
        expect(second).not.toBe(first);
        expect(asked()).toBeGreaterThan(before);
      } finally {
        undo();
      }
    });
  }

  test('is a new one where the database has one more row', async () => {
    const { tools, location, target } = looking();
    const first = await survey(location, target, OPTIONS, tools);
    const row = { id: 'x', path: '/x', repoOriginUrl: '', displayName: '', kind: 'single_repo', archived: false };
    const more = { ...target, projects: [{ ...row, config: null }] };
    expect(await survey(location, more, OPTIONS, tools, first)).not.toBe(first);
  });
});

test('who was asked a question took their time: their conversations are looked for again', async () => {
  const projects = at('.claude', 'projects');
  const aside = at('.claude', 'aside');
  const move = (from: string, to: string): void => {
    const { exitCode } = Bun.spawnSync(['mv', from, to]);
    expect(exitCode).toBe(0);
  };
  move(projects, aside);
  mkdirSync(projects);
  const outcome = await migrate(
    {
      ...OPTIONS,
      dryRun: false,
      from: null,
      config: null,
      dataDir: null,
      forceMigrate: true,
      strict: false,
      backup: false,
      stripRoleSnapshot: false,
    },
    {
      machine: machineAt(home.path),
      version: '0.0.0',
      // While the question stands the conversations come back.
      confirm: async () => {
        rmSync(projects, { recursive: true });
        move(aside, projects);
        return true;
      },
      countsMessages: false,
      progress: () => ({ advance: () => undefined }),
      interrupted: () => undefined,
      debug: () => undefined,
    },
  );
  expect(outcome).toMatchObject({ status: 'refused', refusal: { code: 'PLAN_CHANGED' } });
});
