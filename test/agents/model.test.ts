import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTurn, toolResult } from './driver';
import { replyTo, startModel } from './model';

let folder: string;
let model: ReturnType<typeof startModel>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ao-migrate-model-'));
  model = startModel(join(folder, 'log'));
});
afterEach(async () => {
  await model.stop();
  rmSync(folder, { recursive: true });
});

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<string> {
  const bytes =
    headers['content-encoding'] === 'zstd' ? Bun.zstdCompressSync(JSON.stringify(body)) : JSON.stringify(body);
  return (await fetch(`${model.url}${path}`, { method: 'POST', body: bytes, headers })).text();
}

const shell = (name: string) => ({ type: 'function', name, function: { name } });
const ASKED = 'Say where you work [pwd:a1b2] please.';

test('every request is a line of the log before it is answered, compressed ones too', async () => {
  await post('/v1/messages', { messages: [{ role: 'user', content: 'heron' }] });
  await post('/v1/responses', { input: ['heron'] }, { 'content-encoding': 'zstd' });
  const lines = readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { method: 'POST', path: '/v1/messages', body: { messages: [{ role: 'user', content: 'heron' }] } },
    { method: 'POST', path: '/v1/responses', body: { input: ['heron'] } },
  ]);
});

const APIS: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ['/v1/messages', { stream: true, messages: [{ role: 'user', content: ASKED }], tools: [shell('Bash')] }, 'Bash'],
  ['/v1/responses', { input: [{ role: 'user', content: [{ text: ASKED }] }], tools: [shell('shell')] }, 'shell'],
  [
    '/v1/chat/completions',
    { stream: true, messages: [{ role: 'user', content: ASKED }], tools: [shell('bash')] },
    'bash',
  ],
];

test.each(APIS)(
  '%s: a prompt that asks for the directory gets a call of the shell, any other a sentence',
  async (path, body, name) => {
    const call = await post(path, body);
    expect(call).toContain('call_a1b2');
    expect(call).toContain(`"${name}"`);
    const sentence = await post(path, JSON.parse(JSON.stringify(body).replace('[pwd:a1b2]', '')));
    expect(sentence).toContain('Understood');
    expect(sentence).not.toContain('call_');
  },
);

test('without a shell there is only a sentence', () => {
  expect(replyTo({ said: ASKED, tools: ['view_image'] })).toMatchObject({ kind: 'text' });
  expect(replyTo({ said: null, tools: ['Bash'] })).toMatchObject({ kind: 'text' });
});

test('the result of a tool is found in the form of each API, and only under its own id', () => {
  const forms = [
    {
      messages: [
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: [{ text: '/new' }] }] },
      ],
    },
    { input: [{ type: 'function_call_output', call_id: 'call_1', output: '/new' }] },
    { messages: [{ role: 'tool', tool_call_id: 'call_1', content: '/new' }] },
  ];
  for (const form of forms) {
    expect(toolResult(form, 'call_1')).toBe('/new');
    expect(toolResult(form, 'call_2')).toBeNull();
  }
  expect(toolResult({ content: [{ type: 'tool_use', id: 'call_1' }] }, 'call_1')).toBeNull();
});

test('a request without tools is no turn', () => {
  expect(isTurn({ method: 'POST', path: '/', body: { tools: [shell('Bash')] } })).toBe(true);
  expect(isTurn({ method: 'POST', path: '/', body: { tools: [] } })).toBe(false);
  expect(isTurn({ method: 'GET', path: '/', body: null })).toBe(false);
});
