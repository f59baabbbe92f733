import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeStore } from '../../scripts/bench/store';
import type { TargetFacts } from '../../src/contracts/facts';
import { storeMemory } from '../../src/legacy/file-memory';
import { type LegacyLocation, locateLegacy } from '../../src/legacy/locate';
import { migrate } from '../../src/migrate/migrate';
import { absentTarget } from '../../src/rewrite/inspect';
import { targetPaths } from '../../src/rewrite/paths';
import { type AskedTarget, type SurveyTools, survey } from '../../src/survey/survey';
import { emptyHome, type Home, machineAt } from '../support/home';
import { surveyTools } from '../support/surveyed';

let home: Home;
let projects: readonly string[];
beforeEach(() => {
  home = emptyHome();
  makeStore(home.path, { projects: 2, recordsEach: 3, conversation: 1_000, seed: 7 });
  const config = readFileSync(join(home.path, '.agent-orchestrator', 'config.yaml'), 'utf8');
  projects = [...config.matchAll(/^ {2}(repo-\S+):$/gm)].map(([, id = '']) => id);
});
afterEach(() => home.remove());

const OPTIONS = { projects: [], exclude: [], onlyLive: false, resume: 'auto' } as const;
const at = (...parts: string[]): string => join(home.path, ...parts);
const record = (name: string): string => at('.agent-orchestrator', 'projects', projects[0] ?? '', 'sessions', name);

const asking = (target: TargetFacts): AskedTarget => ({ paths: target, ask: () => target });

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
  test('takes over the draft of the first one where the store did not change, and looks for conversations anew', async () => {
    const { tools, location, target, asked } = looking();
    const first = await survey(location, asking(target), OPTIONS, tools);
    expect(asked()).toBe(2);
    const second = await survey(location, asking({ ...target }), OPTIONS, tools, first);
    expect(second.draft).toBe(first.draft);
    expect(second.planHash).toBe(first.planHash);
    expect(asked()).toBe(4);
  });

  const replace = (file: string, from: string, to: string): void => {
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(from);
    writeFileSync(file, text.replace(from, to));
  };
  const add = (file: string, text: string): void => {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  };
  const ofTheStore: readonly (readonly [what: string, change: () => void])[] = [
    ['the registry', () => replace(at('.agent-orchestrator', 'config.yaml'), 'displayName: repo-0', 'displayName: r')],
    ["a project's own config", () => replace(at('code', 'repo-0', 'agent-orchestrator.yaml'), 'small', 'large')],
    ['a record of an orchestrator', () => replace(record('r0-orchestrator.json'), 'terminated', 'working')],
    ['a record of a worker', () => replace(record('r0-1.json'), '"agent": "claude-code"', '"agent": "codex"')],
    ['the number of records', () => add(record('r0-orchestrator-2.json'), '{"role":"orchestrator"}')],
    [
      'where a worktree leads',
      () => {
        const worktree = at('.agent-orchestrator', 'projects', projects[0] ?? '', 'worktrees', 'r0-orchestrator');
        mkdirSync(join(worktree, '..'), { recursive: true });
        symlinkSync(home.path, worktree);
      },
    ],
    ['the folder of a project', () => renameSync(at('code', 'repo-1'), at('code', 'elsewhere'))],
  ];
  test.each(ofTheStore)('drafts anew after a change of %s', async (_, change) => {
    const { tools, location, target } = looking();
    const first = await survey(location, asking(target), OPTIONS, tools);
    change();
    expect((await survey(location, asking(target), OPTIONS, tools, first)).draft).not.toBe(first.draft);
  });

  test('drafts anew where values lie deeper in each other than can be compared', async () => {
    const deep = 20_000;
    const lists = `${'['.repeat(deep)}${']'.repeat(deep)}`;
    add(at('.agent-orchestrator', 'portfolio', 'preferences.json'), `{"version":1,"x":${lists}}`);
    const { tools, location, target } = looking();
    const first = await survey(location, asking(target), OPTIONS, tools);
    expect((await survey(location, asking(target), OPTIONS, tools, first)).planHash).toBe(first.planHash);
  });

  const outside: readonly (readonly [what: string, change: () => void])[] = [
    [
      'the branch that is checked out',
      () => replace(at('code', 'repo-0', '.git', 'HEAD'), 'main', 'ao/r0-orchestrator'),
    ],
    ['the origin of a repository', () => replace(at('code', 'repo-0', '.git', 'config'), 'acme', 'other')],
  ];
  test.each(outside)('plans anew after a change of %s', async (_, change) => {
    const { tools, location, target } = looking();
    const first = await survey(location, asking(target), OPTIONS, tools);
    change();
    const second = await survey(location, asking(target), OPTIONS, tools, first);
    expect(second.facts.repositories).not.toEqual(first.facts.repositories);
  });

  test('plans anew where the database has one more row', async () => {
    const { tools, location, target } = looking();
    const first = await survey(location, asking(target), OPTIONS, tools);
    const row = { id: projects[0] ?? '', path: '/x', repoOriginUrl: '', displayName: '', kind: 'single_repo' };
    const more = { ...target, projects: [{ ...row, archived: false, config: null }] };
    expect((await survey(location, asking(more), OPTIONS, tools, first)).planHash).not.toBe(first.planHash);
  });
});

describe('what changes between the first look and the lock counts', () => {
  /** A whole migration that nobody is asked about; `change` comes when the first plan is made. */
  const migrated = (change: () => void) =>
    migrate(
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
        confirm: null,
        tellsMessages: 'never',
        progress: () => ({ advance: () => undefined }),
        interrupted: () => undefined,
        debug: (area) => {
          if (area === 'plan') change();
        },
      },
    );
  const sessions = (): Record<string, unknown>[] => {
    using db = new Database(at('.ao', 'data', 'ao.db'), { readonly: true });
    return db.query<Record<string, unknown>, []>('SELECT id, agent_session_id FROM sessions ORDER BY id').all();
  };
  /** Of the first project: its folder and its id. */
  const conversation = (): { folder: string; id: string } => {
    const folders = at('.claude', 'projects');
    const name = readdirSync(folders).find((each) => each.endsWith('-r0-orchestrator')) ?? '';
    const [file = ''] = readdirSync(join(folders, name));
    return { folder: join(folders, name), id: file.replace('.jsonl', '') };
  };

  test('a conversation that came into use stays, and its orchestrator waits', async () => {
    const { id } = conversation();
    const outcome = await migrated(() => {
      mkdirSync(at('.claude', 'sessions'));
      const running = JSON.stringify({ pid: process.pid, sessionId: id });
      writeFileSync(at('.claude', 'sessions', `${process.pid}.json`), running);
    });
    expect(outcome.status).toBe('partial');
    expect(outcome.notes.map(({ code }) => code)).toContain('CONVERSATION_IN_USE');
    expect(sessions().map((row) => row.id)).toEqual(['r1-orchestrator']);
  });

  test('a conversation that appeared is migrated', async () => {
    const { folder, id } = conversation();
    renameSync(folder, at('aside'));
    const outcome = await migrated(() => renameSync(at('aside'), folder));
    expect(outcome.status).toBe('migrated');
    expect(sessions()[0]).toEqual({ id: 'r0-orchestrator', agent_session_id: id });
  });

  test('a part of a conversation that appeared is copied', async () => {
    const { folder, id } = conversation();
    const outcome = await migrated(() => {
      mkdirSync(join(folder, id, 'subagents'), { recursive: true });
      writeFileSync(join(folder, id, 'subagents', 'agent-1.jsonl'), '{}\n');
    });
    expect(outcome.status).toBe('migrated');
    const copies = readdirSync(at('.claude', 'projects')).filter((name) => name.includes('--ao-data-'));
    const found = copies.filter((name) =>
      existsSync(at('.claude', 'projects', name, id, 'subagents', 'agent-1.jsonl')),
    );
    expect(found).toHaveLength(1);
  });
});
