import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { emptyHome, type Home, write } from './home';
import { ODD, oddEntry, oddMachine, oddRecord, oddRoles, oddSettings } from './odd-store';
import { formless, type Secret, secrets } from './secrets';

/** A store with a secret in every place that can hold one, and the environment of who runs the tool on it. */
export interface SecretStore {
  readonly home: Home;
  readonly planted: readonly Secret[];
  readonly env: Readonly<Record<string, string>>;
  /** Names that may be shown, but not in a bundle. */
  readonly names: readonly string[];
}

const UUID = '11111111-2222-4333-8444-555555555555';
const PROJECTS: readonly string[] = ['app', 'web', 'docs', 'api', 'early'];

/** Two hundred secrets, or as many as there are places in five projects. */
export function secretStore(): SecretStore {
  const home = emptyHome();
  const planted = secrets(200);
  let next = 0;
  const plant = (): string => {
    const secret = planted[next++];
    if (secret === undefined) throw new Error('there are more places than secrets');
    return secret.text;
  };
  const files: Record<string, string> = {};
  const projects: Record<string, object> = {};
  const odd: Secret[] = [];
  const word = (): string => {
    const secret = formless(odd.length);
    odd.push(secret);
    return secret.text;
  };
  for (const id of ODD) {
    projects[id] = { projectId: id, path: `{{HOME}}/code/${id}`, ...oddEntry(word) };
    files[`code/${id}/README.md`] = 'x\n';
    files[`.agent-orchestrator/projects/${id}/sessions/${id}-orchestrator.json`] = JSON.stringify(oddRecord(id, word));
  }
  files['code/odd-local/agent-orchestrator.yaml'] = JSON.stringify(oddSettings(word));
  files['code/odd-roles/agent-orchestrator.yaml'] = JSON.stringify(oddRoles(word));
  for (const id of PROJECTS) {
    projects[id] = { projectId: id, path: `{{HOME}}/code/${id}`, displayName: `Zaphod ${id} Name`, ...entry(plant) };
    files[`code/${id}/README.md`] = 'x\n';
    files[`code/${id}/.git/HEAD`] = 'ref: refs/heads/main\n';
    files[`code/${id}/.git/config`] =
      `[remote "origin"]\n\turl = https://jo:${urlPart(plant())}@github.com/o/${id}.git\n`;
    files[`code/${id}/agent-orchestrator.yaml`] = `${JSON.stringify(local(id, plant))}\n# ${oneLine(plant())}\n`;
    files[`.agent-orchestrator/projects/${id}/sessions/${id}-orchestrator.json`] = JSON.stringify(record(id, plant));
    files[`.agent-orchestrator/projects/${id}/sessions/${id}-1.json`] = `{"broken": "${oneLine(plant())}`;
    files[`.agent-orchestrator/projects/${id}/sessions/${id}-2.json.corrupt-1`] = plant();
    files[`.agent-orchestrator/projects/${id}/events.jsonl`] = `${JSON.stringify({ text: plant() })}\n`;
    const slug = join(home.path, 'trees', id).replace(/[^A-Za-z0-9]/g, '-');
    files[`.claude/projects/${slug}/${UUID.replace(/^1/, String(PROJECTS.indexOf(id) + 1))}.jsonl`] = transcript(
      home,
      id,
      plant,
    );
    files[`trees/${id}/x`] = 'x';
  }
  files['.agent-orchestrator/config.yaml'] = JSON.stringify({ ...machine(plant), ...oddMachine(word), projects });
  files['.agent-orchestrator/running.json'] = JSON.stringify({
    pid: 999999999,
    token: plant(),
    note: plant(),
    startedAt: word(),
    port: word(),
  });
  files['.agent-orchestrator/last-stop.json'] = JSON.stringify({ reason: plant() });
  files['.agent-orchestrator/portfolio/preferences.json'] = JSON.stringify({
    version: 1,
    secret: plant(),
    projects: { odd: { pinned: word(), enabled: word() } },
  });
  files['.agent-orchestrator/0123456789ab-old/.origin'] = '{{HOME}}/code/old/agent-orchestrator.yaml';
  files['.agent-orchestrator/0123456789ab-old/sessions/old-orchestrator'] =
    `role=orchestrator\nproject=old\nworktree={{HOME}}/trees/old\nuserPrompt=${oneLine(plant())}\ntoken=${oneLine(plant())}\n`;
  files['code/old/agent-orchestrator.yaml'] = JSON.stringify({
    projects: { old: { path: '{{HOME}}/code/old', env: { A: plant() }, agentRules: plant() } },
  });
  const env: Record<string, string> = {};
  for (const name of ['GITHUB_TOKEN', 'AO_SECRET_HINT', 'ANTHROPIC_API_KEY', 'SLACK_WEBHOOK']) env[name] = plant();
  while (next < planted.length) files[`code/app/notes-${next}.md`] = `${plant()}\n`;
  write(home, files);
  for (const id of PROJECTS) mkdirSync(join(home.path, 'code', id, '.git', 'refs', 'heads'), { recursive: true });
  return {
    home,
    planted: [...planted, ...odd],
    env: { ...env, USER: 'zaphodbeeblebrox', HOSTNAME: 'heartofgold' },
    names: PROJECTS.map((id) => `Zaphod ${id} Name`),
  };
}

type Plant = () => string;

function entry(plant: Plant): object {
  return {
    repo: { originUrl: `https://jo:${urlPart(plant())}@github.com/o/r.git`, owner: 'o', name: 'r' },
    env: { TOKEN: plant(), NESTED: { deep: plant() }, LIST: [plant()] },
    postCreate: [plant()],
    agentRules: plant(),
    orchestratorRules: plant(),
    tracker: { plugin: 'github', token: plant(), note: plant() },
    scm: { webhook: { secret: plant() } },
    reactions: { ci: { message: plant() } },
    unknownKey: plant(),
  };
}

function local(id: string, plant: Plant): object {
  return {
    env: { SECRET: plant(), N: 5 },
    postCreate: ['npm i', plant(), ...(id === 'early' ? [{ x: plant() }] : [])],
    orchestratorRules: plant(),
    symlinks: ['node_modules'],
    agentRules: plant(),
    agentConfig: { model: 'opus', apiKey: plant(), permissions: id === 'docs' ? plant() : 'default' },
    worker: { agentConfig: { extra: plant() } },
    plugins: [{ options: { password: plant() } }],
  };
}

function record(id: string, plant: Plant): object {
  return {
    role: 'orchestrator',
    agent: 'claude-code',
    createdAt: '2026-05-10T08:00:00.000Z',
    worktree: `{{HOME}}/trees/${id}`,
    branch: `orchestrator/${id}`,
    claudeSessionUuid: UUID.replace(/^1/, String(PROJECTS.indexOf(id) + 1)),
    userPrompt: plant(),
    prompt: plant(),
    summary: plant(),
    runtimeHandle: { id: 'x', data: { env: { A: plant() }, token: plant() } },
    lifecycle: {
      version: 2,
      session: { kind: 'orchestrator', state: 'working' },
      pr: { url: plant(), title: plant() },
    },
  };
}

function transcript(home: Home, id: string, plant: Plant): string {
  const rows = [
    { type: 'user', cwd: join(home.path, 'trees', id), message: { role: 'user', content: plant() } },
    { type: 'assistant', message: { role: 'assistant', content: [{ type: 'text', text: plant() }] } },
  ];
  return `${rows.map((row) => JSON.stringify({ ...row, isSidechain: false })).join('\n')}\n`;
}

function machine(plant: Plant): object {
  return {
    port: 3000,
    defaults: { agent: 'claude-code', env: { D: plant() }, agentRules: plant(), notifiers: ['slack'] },
    notifiers: { slack: { webhook: plant(), channel: plant() } },
    notificationRouting: { urgent: [plant()] },
    somethingElse: { deep: [plant()] },
  };
}

const oneLine = (text: string): string => text.replaceAll('\n', ' ');
const urlPart = (text: string): string => text.replace(/[^A-Za-z0-9]/g, '');
