import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodeAfter, failureText, openOutput, type WriteCall } from '../../src/report/writer';

const systemError = (code: string): Error => Object.assign(new Error(`${code}: refused`), { code });

/** A device that answers as scripted, then takes everything; numbers are bytes taken, strings error codes. */
function device(script: readonly (number | string)[]) {
  const taken: number[] = [];
  const pauses: number[] = [];
  let at = 0;
  const writeCall: WriteCall = async (_, bytes) => {
    const step = script[at++] ?? bytes.length;
    if (typeof step === 'string') throw systemError(step);
    const count = Math.min(step, bytes.length);
    taken.push(...bytes.subarray(0, count));
    return count;
  };
  const sleep = async (milliseconds: number): Promise<void> => {
    pauses.push(milliseconds);
  };
  return { options: { writeCall, sleep }, pauses, text: () => new TextDecoder().decode(new Uint8Array(taken)) };
}

describe('openOutput', () => {
  test('goes on until all bytes are taken, also in the middle of a character', async () => {
    const { options, text } = device([1, 1, 2, 3, 1]);
    const output = openOutput(1, options);
    await output.write('äöü and more');
    expect(text()).toBe('äöü and more');
    expect(output.failure).toBeNull();
  });

  test('waits for a full pipe, ever longer but not long', async () => {
    const { options, text, pauses } = device([
      2,
      ...Array.from({ length: 100 }, () => 'EAGAIN'),
      'EINTR',
      'EWOULDBLOCK',
    ]);
    await openOutput(1, options).write('hello');
    expect(text()).toBe('hello');
    expect(pauses.length).toBe(102);
    expect(pauses[0]).toBe(1);
    expect(Math.max(...pauses)).toBe(50);
  });

  test('gives up a reader that takes nothing, and nobody else', async () => {
    const taken: number[] = [];
    const slow: WriteCall = async (_, bytes) => {
      await Bun.sleep(30);
      taken.push(bytes.length);
      return bytes.length;
    };
    const patient = openOutput(1, { writeCall: slow, patienceMs: 100 });
    await patient.write('x'.repeat(70_000));
    expect(patient.failure).toBeNull();
    expect(taken.length).toBeGreaterThan(5);
    const stuck = openOutput(1, { writeCall: () => new Promise(() => undefined), patienceMs: 50 });
    await stuck.write('x'.repeat(70_000));
    expect(stuck.failure).toMatchObject({ kind: 'error', code: 'ETIMEDOUT' });
    expect(exitCodeAfter(0, stuck.failure)).toBe(1);
    // A pipe that somebody else made non-blocking says so at once, again and again.
    const full = device(Array.from({ length: 500 }, () => 'EAGAIN'));
    const output = openOutput(1, { ...full.options, patienceMs: 1_000 });
    await output.write('x'.repeat(70_000));
    expect(output.failure).toMatchObject({ kind: 'error', code: 'ETIMEDOUT' });
  });

  test('writes in the order of the calls', async () => {
    const { options, text } = device(['EAGAIN', 1, 'EAGAIN', 1]);
    const output = openOutput(1, options);
    await Promise.all([output.write('one '), output.write('two '), output.write('three')]);
    expect(text()).toBe('one two three');
  });

  test('a reader that went away is no failure to speak of, and nothing more is tried', async () => {
    const { options, text } = device([2, 'EPIPE']);
    const output = openOutput(1, options);
    await output.write('hello');
    await output.write('again');
    expect(text()).toBe('he');
    expect(output.failure).toEqual({ kind: 'closed' });
    expect(failureText(output.failure)).toBeNull();
    expect(exitCodeAfter(0, output.failure)).toBe(0);
  });

  test.each(['ENOSPC', 'EBADF', 'EIO'])('%s makes exit code 1, but never hides another one', async (code) => {
    const output = openOutput(1, device([code]).options);
    await output.write('hello');
    expect(output.failure).toMatchObject({ kind: 'error', code });
    expect(failureText(output.failure)).toBe(`The result could not be written to standard output (${code}).\n`);
    expect(exitCodeAfter(0, output.failure)).toBe(1);
    expect(exitCodeAfter(3, output.failure)).toBe(3);
    expect(exitCodeAfter(130, output.failure)).toBe(130);
  });

  test('a device that never takes a byte ends as an error, not as a hang', async () => {
    const output = openOutput(1, device(Array.from({ length: 1000 }, () => 0)).options);
    await output.write('hello');
    expect(output.failure).toMatchObject({ kind: 'error', code: 'EIO' });
  });

  test('replaces braces where they must not be', async () => {
    const { options, text } = device([]);
    await openOutput(2, { ...options, withoutBraces: true }).write('bad {"a": {}} end');
    expect(text()).toBe('bad ("a": ()) end');
  });

  test('nothing to write is no call', async () => {
    const output = openOutput(99_999);
    await output.write('');
    expect(output.failure).toBeNull();
  });
});

describe('with real descriptors', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'writer-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('a file gets everything, beyond one chunk', async () => {
    const file = join(folder, 'out');
    const descriptor = openSync(file, 'w');
    const text = 'ü0123456789'.repeat(300_000);
    const output = openOutput(descriptor);
    await output.write(text);
    await output.write('end');
    closeSync(descriptor);
    expect(readFileSync(file, 'utf8') === `${text}end`).toBe(true);
  });

  const script = `
    import { exitCodeAfter, failureText, openOutput } from './src/report/writer';
    const [out, err] = [openOutput(1), openOutput(2)];
    await out.write('x'.repeat(300_000) + 'END');
    const said = failureText(out.failure);
    if (said !== null) await err.write(said);
    process.exitCode = exitCodeAfter(0, out.failure);
    process.exit();`;
  const shell = (command: string) =>
    Bun.spawnSync(['bash', '-c', command], {
      cwd: join(import.meta.dir, '../..'),
      env: { PATH: process.env.PATH, BUN: process.execPath, SCRIPT: script, FILE: join(folder, 'err') },
    });

  test('a pipe whose reader starts late gets everything, though the process ends by itself', () => {
    expect(shell('"$BUN" -e "$SCRIPT" | (sleep 0.3; tail -c 3)').stdout.toString()).toBe('END');
  });

  // Node and some shells hand out such pipes; python makes one here.
  test.skipIf(Bun.which('python3') === null)('a full pipe that does not block gets everything', () => {
    const reader = `import os, subprocess, time
r, w = os.pipe()
os.set_blocking(w, False)
child = subprocess.Popen([os.environ["BUN"], "-e", os.environ["SCRIPT"]], stdout=w)
os.close(w)
time.sleep(0.3)
data = b""
while chunk := os.read(r, 65536): data += chunk
print(len(data), data[-3:].decode(), child.wait())`;
    const child = Bun.spawnSync(['python3', '-c', reader], {
      cwd: join(import.meta.dir, '../..'),
      env: { PATH: process.env.PATH, BUN: process.execPath, SCRIPT: script },
    });
    expect(child.stdout.toString()).toBe('300003 END 0\n');
  });

  test('a reader that leaves early: quiet, exit code 0', () => {
    const { stdout, stderr } = shell('"$BUN" -e "$SCRIPT" | head -c 1 >/dev/null; echo "$PIPESTATUS"');
    expect([stdout.toString(), stderr.toString()]).toEqual(['0\n', '']);
  });

  test.skipIf(process.platform !== 'linux')('a full disk: one line and exit code 1', () => {
    const { stdout, stderr } = shell('"$BUN" -e "$SCRIPT" >/dev/full; echo "$?"');
    expect(stdout.toString()).toBe('1\n');
    expect(stderr.toString()).toBe('The result could not be written to standard output (ENOSPC).\n');
  });
});
