import { describe, expect, test } from 'bun:test';
import { PassThrough } from 'node:stream';
import { Interrupted } from '../../src/apply/interruption';
import { confirm, mustAsk } from '../../src/cli/confirm';

describe('mustAsk', () => {
  const person = { stdinIsTTY: true, stderrIsTTY: true, json: false, yes: false };
  test('a person at a terminal is asked', () => expect(mustAsk(person)).toBe(true));
  test.each([{ stdinIsTTY: false }, { stderrIsTTY: false }, { json: true }, { yes: true }])('%j is not', (difference) =>
    expect(mustAsk({ ...person, ...difference })).toBe(false),
  );
});

interface Asked {
  readonly input: PassThrough;
  readonly answer: Promise<boolean>;
  readonly shown: () => string;
}

function ask(live: boolean, interrupted?: AbortSignal, width = 80): Asked {
  const input = new PassThrough();
  const output = new PassThrough();
  let shown = '';
  output.on('data', (bytes: Buffer) => {
    shown += bytes.toString();
  });
  const streams = { input, output, live, width, ...(interrupted === undefined ? {} : { interrupted }) };
  return { input, answer: confirm('Migrate 1 project and 2 orchestrators?', streams), shown: () => shown };
}

describe.each([true, false])('confirm, live %p', (live) => {
  test.each([
    ['\n', true],
    ['y\n', true],
    [' YES \n', true],
    ['n\n', false],
    ['No\n', false],
    ['what\ny\n', true],
    ['what\nn\n', false],
    ['a\nb\nc\ny\n', false],
    ['constructor\nn\n', false],
  ])('%j is %p', async (typed, expected) => {
    const { input, answer } = ask(live);
    input.write(typed);
    expect(await answer).toBe(expected);
  });

  test('the question shows what Enter means', async () => {
    const { input, answer, shown } = ask(live);
    input.write('\n');
    await answer;
    expect(Bun.stripANSI(shown())).toContain('Migrate 1 project and 2 orchestrators? [Y/n] ');
  });

  test('end of input is a decline', async () => {
    const { input, answer } = ask(live);
    input.end();
    expect(await answer).toBe(false);
  });

  test('end of input behind an unfinished word declines unless the word is an answer', async () => {
    const { input, answer } = ask(live);
    input.end('nope');
    expect(await answer).toBe(false);
  });

  test('a signal while asking, or before, is no answer', async () => {
    const controller = new AbortController();
    const { answer } = ask(live, controller.signal);
    controller.abort(new Interrupted('SIGTERM'));
    await expect(answer).rejects.toEqual(new Interrupted('SIGTERM'));
    await expect(ask(live, controller.signal).answer).rejects.toEqual(new Interrupted('SIGTERM'));
  });
});

test('Ctrl-C as a key is a signal', async () => {
  const { input, answer } = ask(true);
  input.write('\u0003');
  await expect(answer).rejects.toEqual(new Interrupted('SIGINT'));
});

test('on a narrow terminal the question breaks between words, and never within what can be answered', async () => {
  for (const width of [20, 28, 40, 43, 44, 45]) {
    const { input, answer, shown } = ask(false, undefined, width);
    input.write('y\n');
    expect(await answer).toBe(true);
    const lines = shown().trimEnd().split('\n');
    expect(lines.at(-1)).toContain('[Y/n]');
    for (const line of lines) expect(line.length).toBeLessThan(width);
    expect(lines.join(' ')).toBe('Migrate 1 project and 2 orchestrators? [Y/n]');
  }
});
