import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSessionId, opencodeId, type Reid, reid, renewable, survey } from '../../src/sessions/opencode-reid';
import { SES } from './opencode-world';
import { FIXTURES } from './world';

const FOLDER = join(FIXTURES, 'opencode');
const NAMES = ['export-1.3-before-after.json', 'export-1.18-patch.json'];

const read = (...path: string[]) => readFileSync(join(FOLDER, ...path));

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function rewritten(bytes: Buffer, more: Partial<Reid> = {}, size = 11): Promise<string> {
  const { ids } = await survey([bytes]);
  const out: Buffer[] = [];
  const change = {
    ids,
    newDirectory: '@NEW@',
    emptyDiffs: false,
    newId: (id: string) => opencodeId(id, '@NEW@'),
    ...more,
  };
  for await (const piece of reid(pieces(bytes, size), change)) out.push(Buffer.from(piece));
  return Buffer.concat(out).toString();
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('fixtures', () => {
  test.each(NAMES)('%s comes out byte for byte', async (name) => {
    for (const size of [1, 17, 100_000]) {
      expect(await rewritten(read(name), {}, size)).toBe(read('expected', `reid-${name}`).toString());
    }
  });

  test.each(NAMES)('%s is counted', async (name) => {
    const found = await survey([read(name)]);
    expect(found).toMatchObject({ sessionId: SES, messages: 2, parts: 4 });
    expect(found.ids.size).toBe(7);
    expect(found.diffs).toBe(name.includes('patch') ? 'patch' : 'before-after');
  });

  test('one that was cut is no export', async () => {
    const whole = read('export-1.18-patch.json');
    await expect(survey([whole.subarray(0, whole.length - 4)])).rejects.toThrow(SyntaxError);
  });
});

describe('new ids', () => {
  test('keep prefix and 12 characters; the rest is D in base 62, least significant first', () => {
    const id = opencodeId(SES, '/new');
    let number = BigInt(`0x${createHash('sha256').update(`${SES}\0/new`).digest('hex')}`);
    let rest = '';
    for (let place = 0; place < 14; place += 1) {
      rest += '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'[Number(number % 62n)];
      number /= 62n;
    }
    expect(id).toBe(`${SES.slice(0, 16)}${rest}`);
  });

  test('depend on the old id and the new directory, and have the length of the old one', () => {
    expect(opencodeId(SES, '/a')).toBe(opencodeId(SES, '/a'));
    expect(opencodeId(SES, '/a')).not.toBe(opencodeId(SES, '/b'));
    expect(opencodeId('prt_0a0e1d200001abcdefgh', '/a')).toHaveLength(24);
    expect(opencodeId('msg_0a0e1d200001ab_cd-ef', '/a')).toMatch(/^msg_0a0e1d200001[0-9A-Za-z]{8}$/);
  });

  test('that would be an old one, or two times the same, are noticed', () => {
    const ids = new Set([SES, 'msg_0a0e1d200001Fixturemsg0001']);
    expect(renewable(ids, (id) => opencodeId(id, '/a'))).toBe(true);
    expect(renewable(new Set([...ids, 'msg_short']), (id) => opencodeId(id, '/a'))).toBe(false);
    expect(renewable(ids, () => 'msg_same')).toBe(false);
    expect(renewable(ids, (id) => (id === SES ? 'msg_0a0e1d200001Fixturemsg0001' : 'msg_x'))).toBe(false);
  });

  test('only safe session ids are ids', () => {
    expect(isSessionId(SES)).toBe(true);
    for (const id of [
      'abc',
      'ses_',
      '-ses_a',
      'ses_../x',
      'ses_a b',
      'ses_a-b',
      `ses_${'a'.repeat(65)}`,
      'ses_a\n',
      ' ses_a',
    ]) {
      expect(isSessionId(id)).toBe(false);
    }
  });
});

describe('what is rewritten', () => {
  const [user, answer, part] = [
    'msg_0a0e1d200001Fixturemsg0001',
    'msg_0a0e1d200002Fixturemsg0002',
    'prt_0a0e1d200001Fixtureprt0001',
  ];
  const other = 'ses_ffffffffffffOtherSession1';
  const document = {
    info: { id: SES, parentID: other, directory: '/old', revert: { messageID: user, partID: part }, title: SES },
    messages: [
      {
        info: { id: user, sessionID: SES },
        parts: [{ id: part, sessionID: SES, messageID: user, type: 'compaction', tail_start_id: answer }],
      },
      {
        info: { id: answer, sessionID: SES, parentID: user, path: { cwd: '/old' } },
        parts: [
          {
            id: 'prt_0a0e1d200002Fixtureprt0002',
            text: `${SES} /old`,
            state: { input: { directory: '/old', deep: { id: [user, other] } } },
          },
        ],
      },
    ],
  };

  test('every id of the document under a key that holds ids, and nothing else', async () => {
    const result = JSON.parse(await rewritten(json(document)));
    const fresh = (id: string) => opencodeId(id, '@NEW@');
    expect(result.info).toEqual({
      id: fresh(SES),
      parentID: other,
      directory: '@NEW@',
      revert: { messageID: fresh(user), partID: fresh(part) },
      title: SES,
    });
    expect(result.messages[0].parts[0]).toMatchObject({
      id: fresh(part),
      messageID: fresh(user),
      tail_start_id: fresh(answer),
    });
    expect(result.messages[1].info).toEqual({
      id: fresh(answer),
      sessionID: fresh(SES),
      parentID: fresh(user),
      path: { cwd: '/old' },
    });
    expect(result.messages[1].parts[0].text).toBe(`${SES} /old`);
    expect(result.messages[1].parts[0].state.input).toEqual({ directory: '/old', deep: { id: [fresh(user), other] } });
  });

  test('the directory, also when it needs escapes', async () => {
    const newDirectory = '/new "one"\\é\n';
    expect(JSON.parse(await rewritten(json(document), { newDirectory })).info.directory).toBe(newDirectory);
  });

  test('diffs only where asked for, in session and messages alone', async () => {
    const diffs = [{ file: 'a', before: 'x', after: 'y' }];
    const text = json({
      info: { id: SES, directory: '/old', summary: { diffs } },
      messages: [
        { info: { id: user, summary: { diffs, title: 't' } }, parts: [{ id: part, state: { summary: { diffs } } }] },
      ],
    });
    const result = JSON.parse(await rewritten(text, { emptyDiffs: true }));
    expect(result.info.summary).toEqual({ diffs: [] });
    expect(result.messages[0].info.summary).toEqual({ diffs: [], title: 't' });
    expect(result.messages[0].parts[0].state.summary).toEqual({ diffs });
    expect(JSON.parse(await rewritten(text)).info.summary).toEqual({ diffs });
  });
});

test.each([
  [[], 'none'],
  [[{ file: 'a', patch: 'p' }], 'patch'],
  [[{ file: 'a', patch: 'p'.repeat(5000) }], 'patch'],
  [[{ file: 'a', before: '', after: 'x' }], 'before-after'],
  [[{ file: 'a', before: '' }], 'mixed'],
  [
    [
      { file: 'a', patch: 'p' },
      { file: 'b', before: '', after: '' },
    ],
    'mixed',
  ],
  [[{ file: 'a' }], 'mixed'],
] as const)('the form of %j is %s', async (diffs, expected) => {
  const messages = [{ info: { id: 'msg_1', summary: { diffs } }, parts: [] }];
  expect((await survey([json({ info: { id: SES }, messages })])).diffs).toBe(expected);
});
