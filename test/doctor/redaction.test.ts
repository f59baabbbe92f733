import { describe, expect, test } from 'bun:test';
import { redacted, redactor } from '../../src/doctor/redaction';
import { leaked, secrets } from '../support/secrets';

const clean = redactor({
  homes: ['/home/jo'],
  users: ['jo'],
  hosts: ['heart-of-gold', 'heart-of-gold.local'],
  values: ['hunter2-and-more', 'abc'],
  names: ['My Secret Plan', 'x.y'],
});

describe('what must not travel is taken out', () => {
  test('home, also as a folder of Claude names it, user and host, where they stand by themselves', () => {
    expect(clean('/home/jo/code and -home-jo-code')).toBe('~/code and ~-code');
    expect(clean('/mnt/jo/x by Jo, not job')).toBe('/mnt/<user>/x by <user>, not job');
    expect(clean('on heart-of-gold.local or HEART-OF-GOLD')).toBe('on <host> or <host>');
  });
  test('known values and display names; a short value is an ordinary word', () => {
    expect(clean('a hunter2-and-more b, abc')).toBe('a <value> b, abc');
    expect(clean('called my secret plan, x.y and xzy')).toBe('called <name>, <name> and xzy');
  });
  test('credentials by their form', () => {
    // Two kinds have no form: a passphrase and an AWS secret are taken out where their value is known.
    const unknown = ['passphrase', 'AWS secret', 'hexadecimal key', 'cookie', 'Slack webhook'];
    const known = secrets(20).filter(({ kind }) => !unknown.includes(kind));
    for (const secret of known) expect(leaked(clean(`see ${secret.text} here`), [secret])).toEqual([]);
    expect(clean('password: geheim1 and "api_key": "k"')).toBe('password: <value> and "api_key": <value>');
    expect(clean('mail jo@example.com')).toBe('mail <address>');
    expect(clean('https://github.com/o/r.git')).toBe('https://github.com/o/r.git');
  });
  test('in keys and texts of a document, at every depth', () => {
    expect(redacted({ '/home/jo': ['jo', { a: '/home/jo/x' }], n: 1, z: null }, clean)).toEqual({
      '~': ['<user>', { a: '~/x' }],
      n: 1,
      z: null,
    });
  });
});
