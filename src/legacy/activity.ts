import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { LegacyStore } from '../contracts/legacy';
import type { Machine } from '../contracts/machine';
import { isLive } from '../plan/live';
import { terminalNames } from '../plan/terminals';
import { targetAt } from '../sessions/entry';
import type { TmuxSession } from '../sessions/liveness';
import { list, v1Name } from './directory';
import { mapping } from './shape';

/** What the probe may ask of the machine; injected, because other systems cannot be run everywhere. */
export interface ActivityProbes {
  readonly isAlive: (pid: number) => boolean;
  readonly tmuxSessions: () => Promise<readonly TmuxSession[]>;
}

/** Files beside the store that name processes, in the order of legacy-store.md 6. */
const PID_FILES = ['running.json', 'startup.lock', 'running.lock', 'last-stop.lock'] as const;
/** An unreadable startup lock may be one that is being written (E74). */
const FRESH_LOCK_MS = 5_000;
const FILE_CAP = 4 * 1024 * 1024;

const Owner = mapping({ pid: v.number() });
const Children = v.array(v.unknown());
const Child = mapping({ pid: v.number() });
const PtyHost = mapping({ ptyHostPid: v.number() });

/**
 * The first evidence that the legacy tool or an agent of it is running (legacy-store.md 6, migration.md 3), in plain
 * words, or null. Read-only: no lock is taken, nothing stale is deleted. The order is cheap first.
 *
 * @param managedRoot `<dataDir>/worktrees`: terminals below it are the rewrite's own, which names its sessions alike
 */
export async function legacyActivity(
  store: LegacyStore,
  prefixes: readonly string[],
  managedRoots: readonly string[],
  machine: Machine,
  probes: ActivityProbes,
): Promise<string | null> {
  if (store.foreign) return null;
  for (const name of ['AO_CALLER_TYPE', 'AO_SESSION']) {
    const value = machine.env[name];
    if (value !== undefined && value !== '')
      return `this command runs inside a legacy agent's terminal (${name} is set)`;
  }
  if (!store.exists) return null;
  for (const name of PID_FILES) {
    const found = pidFile(join(store.root, name), name, machine, probes);
    if (found !== null) return found;
  }
  const children = listedPid(join(store.root, 'daemon-children.json'), Child, 'pid', probes);
  if (children !== null) return `a process of the legacy daemon is alive (pid ${children}, daemon-children.json)`;
  if (machine.platform === 'win32') {
    const host = listedPid(join(store.root, 'windows-pty-hosts.json'), PtyHost, 'ptyHostPid', probes);
    if (host !== null) return `a terminal of a legacy agent is alive (pid ${host}, windows-pty-hosts.json)`;
  }
  for (const { name, isDirectory } of list(store.root)) {
    if (!isDirectory || v1Name(name) === null) continue;
    const pid = Number(readText(join(store.root, name, 'lifecycle-worker.pid'))?.trim() ?? '');
    if (isPid(pid) && probes.isAlive(pid))
      return `a worker of an early legacy release is alive (pid ${pid}, ${name}/lifecycle-worker.pid)`;
  }
  const inside = (path: string): boolean => managedRoots.some((root) => path === root || path.startsWith(`${root}/`));
  const sessions = (await probes.tmuxSessions()).filter(({ path }) => !inside(path));
  if (sessions.length === 0) return null;
  const matches = tmuxMatcher(store, prefixes);
  const session = sessions.find(({ name }) => matches(name));
  return session === undefined ? null : `the terminal session \`${session.name}\` of a legacy agent is open in tmux`;
}

function pidFile(file: string, name: string, machine: Machine, probes: ActivityProbes): string | null {
  const text = readText(file);
  if (text === null) return null;
  const owner = v.safeParse(Owner, parse(text));
  if (owner.success) {
    const { pid } = owner.output;
    if (!isPid(pid) || !probes.isAlive(pid)) return null;
    const what =
      name === 'startup.lock'
        ? 'the legacy Agent Orchestrator is starting'
        : 'the legacy Agent Orchestrator is running';
    return `${what} (pid ${pid}, ${name})`;
  }
  if (name === 'running.json') return null;
  const age = machine.now().getTime() - (targetAt(file)?.mtimeMs ?? 0);
  return age < FRESH_LOCK_MS ? `the legacy Agent Orchestrator is starting (${name} was made a moment ago)` : null;
}

function listedPid<K extends string>(
  file: string,
  schema: v.GenericSchema<unknown, Record<K, number>>,
  key: K,
  probes: ActivityProbes,
): number | null {
  const text = readText(file);
  const entries = v.safeParse(Children, text === null ? null : parse(text));
  for (const entry of entries.success ? entries.output : []) {
    const parsed = v.safeParse(schema, entry);
    if (parsed.success && isPid(parsed.output[key]) && probes.isAlive(parsed.output[key])) return parsed.output[key];
  }
  return null;
}

/** Names of terminals of the legacy tool: those that its records have, and those that it gives by itself. */
function tmuxMatcher(store: LegacyStore, prefixes: readonly string[]): (name: string) => boolean {
  const names = new Set<string>();
  const records = [
    ...store.v2.flatMap((directory) => directory.records),
    ...store.v1.flatMap((directory) => directory.records),
  ];
  for (const record of records) {
    if (!isLive(record)) continue;
    if (record.tmuxName !== null) names.add(record.tmuxName);
    if (record.runtimeId !== null) names.add(record.runtimeId);
  }
  const isGiven = terminalNames(prefixes);
  return (name) => names.has(name) || isGiven(name);
}

function isPid(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 0;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
}

/** A small regular file's text, or null. */
function readText(file: string): string | null {
  try {
    const stat = statSync(file);
    return stat.isFile() && stat.size <= FILE_CAP ? readFileSync(file, 'utf8') : null;
  } catch {
    return null;
  }
}
