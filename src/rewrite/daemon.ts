import { readFileSync, type Stats, statSync } from 'node:fs';
import type { Machine } from '../contracts/machine';
import type { Note } from '../contracts/notes';
import { Refusal } from '../contracts/refusals';

const SERVICE = 'agent-orchestrator-daemon';
const PATIENCE_MS = 2_000;
/** A run file or an answer that is larger is not the daemon's. */
const MOST_BYTES = 64 * 1024;

/** The daemon's run file (rewrite-target.md 2.3). `recorded`: pid and port as they stand there, 0 where absent. */
export type RunFile =
  | { readonly state: 'absent' }
  | { readonly state: 'unreadable'; readonly problem: string }
  | { readonly state: 'recorded'; readonly pid: number; readonly port: number };

/** The body of an answer to `GET /healthz`, whatever its status; null where there was no answer, or no whole one. */
export type AskHealth = (port: number) => Promise<string | null>;

export interface DaemonProbes {
  isAlive(pid: number): boolean;
  askHealth: AskHealth;
}

export interface DaemonFinding {
  /** The refusal that the run file makes due; the caller decides whether it counts (`--force-migrate`, no actions). */
  readonly refusal: Refusal | null;
  readonly notes: readonly Note[];
}

/**
 * Tells by the run file whether the daemon is running (migration.md 3): its pid is alive, and what answers on its port, if
 * anything does, is not another service. An unreadable run file makes a note only; the database probe decides then.
 */
export async function findDaemon(
  runFile: string | null,
  machine: Machine,
  probes: DaemonProbes = SYSTEM,
): Promise<DaemonFinding> {
  const found = runFile === null ? { state: 'absent' as const } : readRunFile(runFile);
  if (found.state === 'absent') return { refusal: null, notes: [] };
  if (found.state === 'unreadable') {
    const message = `${runFile}: ${found.problem}`;
    return {
      refusal: null,
      notes: [{ code: 'RUN_FILE_UNREADABLE', severity: 'warn', message, file: String(runFile) }],
    };
  }
  const { pid, port } = found;
  // Pids are reused, small ones above all: this process is not the daemon.
  const alive = pid > 0 && pid !== machine.pid && probes.isAlive(pid);
  if (!alive || (isPort(port) && isOtherService(await probes.askHealth(port)))) return { refusal: null, notes: [] };
  return { refusal: new Refusal('DAEMON_RUNNING', `The new daemon is running (pid ${pid}, ${runFile}).`), notes: [] };
}

/** Reads the run file; never waits for a FIFO, never reads one that is too large. */
export function readRunFile(file: string): RunFile {
  try {
    const stats: Stats | undefined = statSync(file, { throwIfNoEntry: false });
    if (stats === undefined) return { state: 'absent' };
    if (!stats.isFile()) return { state: 'unreadable', problem: 'it is not a regular file' };
    if (stats.size > MOST_BYTES) return { state: 'unreadable', problem: 'it is too large' };
    return decodeRunFile(readFileSync(file, 'utf8'));
  } catch (error) {
    return { state: 'unreadable', problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The text of a run file as the daemon decodes it: an absent or null number is 0, one of another type is an error. */
export function decodeRunFile(text: string): RunFile {
  const document = parseObject(text);
  if (document === null) return { state: 'unreadable', problem: 'it is not a JSON object' };
  const [pid, port] = [document.pid ?? 0, document.port ?? 0];
  if (!Number.isInteger(pid) || !Number.isInteger(port)) {
    return { state: 'unreadable', problem: 'its pid or port is not a whole number' };
  }
  return { state: 'recorded', pid: Number(pid), port: Number(port) };
}

function isPort(port: number): boolean {
  return port > 0 && port < 65_536;
}

/** A complete JSON object that names another service, or none. Anything else is no valid answer and proves nothing. */
function isOtherService(answer: string | null): boolean {
  const document = answer === null ? null : parseObject(answer);
  return document !== null && document.service !== SERVICE;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

/** The process exists, also where it belongs to another user. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Asks the daemon on this machine, for at most 2 s. Not with fetch: that goes through HTTP_PROXY even to 127.0.0.1, and a
 * proxy's answer would look like another service.
 */
export const askHealth: AskHealth = async (port) => {
  // Only here: the module costs `status` as much as all of its own work.
  const { get } = await import('node:http');
  return new Promise((resolve) => {
    const done = (answer: string | null): void => {
      clearTimeout(timer);
      request.destroy();
      resolve(answer);
    };
    const request = get({ host: '127.0.0.1', port, path: '/healthz', agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MOST_BYTES) done(null);
      });
      response.on('end', () => done(Buffer.concat(chunks).toString('utf8')));
      response.on('error', () => done(null));
    });
    request.on('error', () => done(null));
    const timer = setTimeout(() => done(null), PATIENCE_MS);
  });
};

const SYSTEM: DaemonProbes = { isAlive, askHealth };
