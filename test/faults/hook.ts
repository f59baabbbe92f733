import { Database } from 'bun:sqlite';
import { createRequire } from 'node:module';

/**
 * Preloaded into a run from the sources (`bun --preload`): counts the calls that change something and lets one of them have
 * an accident. For machines on which nothing can trace system calls. SQLite's own calls are not seen, only its statements.
 *
 * AO_HOOK_AT: number of the call, from 1. AO_HOOK_FAULT: SIGKILL, or the code of a system error. AO_HOOK_COUNT: descriptor
 * that the number of calls is written to when the process ends.
 */
const at = Number(process.env.AO_HOOK_AT ?? 0);
const fault = process.env.AO_HOOK_FAULT ?? 'SIGKILL';
const report = process.env.AO_HOOK_COUNT;
const load = createRequire(import.meta.url);
let calls = 0;

type Callable = (...args: unknown[]) => unknown;
type Functions = Record<string, unknown>;

const SYNC = [
  'openSync',
  'writeSync',
  'fsyncSync',
  'renameSync',
  'linkSync',
  'rmSync',
  'mkdirSync',
  'rmdirSync',
  'chmodSync',
  'writeFileSync',
  'unlinkSync',
  'write',
  'fsync',
  'open',
  'fchmodSync',
];
const ASYNC = ['open', 'link', 'rename', 'unlink', 'mkdir', 'rmdir', 'chmod', 'mkdtemp', 'copyFile', 'rm'];
const HANDLE = ['write', 'sync', 'chmod'];

/** The next changing call: perhaps the one that has the accident. */
function step(what: string): void {
  calls += 1;
  if (calls !== at) return;
  if (fault === 'SIGKILL') {
    process.kill(process.pid, 'SIGKILL');
    // The signal may need a moment, in which nothing else may happen.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  }
  throw Object.assign(new Error(`${fault}: injected at ${what}`), { code: fault, syscall: what });
}

function isReading(name: string, args: readonly unknown[]): boolean {
  return name === 'open' || name === 'openSync' ? typeof args[1] !== 'string' || args[1] === 'r' : false;
}

function replace(functions: Functions, name: string, wrap: (original: Callable) => Callable): void {
  const original = functions[name];
  if (typeof original === 'function') functions[name] = wrap((...args) => Reflect.apply(original, functions, args));
}

const fs: Functions = load('node:fs');
for (const name of SYNC) {
  replace(fs, name, (original) => (...args) => {
    if (!isReading(name, args)) step(name);
    return original(...args);
  });
}

const promises: Functions = load('node:fs/promises');
for (const name of ASYNC) {
  replace(promises, name, (original) => async (...args) => {
    if (!isReading(name, args)) step(name);
    const result = await original(...args);
    if (name === 'open' && typeof result === 'object' && result !== null) watch(result);
    return result;
  });
}

function watch(handle: object): void {
  for (const name of HANDLE) {
    const original: unknown = Reflect.get(handle, name);
    if (typeof original !== 'function') continue;
    Reflect.set(handle, name, async (...args: unknown[]) => {
      step(`handle.${name}`);
      return Reflect.apply(original, handle, args);
    });
  }
}

const run = Database.prototype.run;
Database.prototype.run = function (this: Database, ...args: Parameters<typeof run>) {
  if (/^(?:BEGIN|COMMIT|ROLLBACK)/.test(args[0])) step(args[0]);
  return Reflect.apply(run, this, args);
};

if (report !== undefined) {
  const write = load('node:fs').writeSync;
  process.on('exit', () => {
    write(Number(report), String(calls));
  });
}
