import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { generatedDocs } from '../../scripts/docs';
import { RECORDINGS_FOLDER, recordings } from '../../scripts/docs-recordings';
import { commandSpec, FLAGS, type FlagName, flagSpec, OFFERED } from '../../src/cli/arguments';
import { NOTE_CODES } from '../../src/contracts/notes';
import { REFUSAL_CODES } from '../../src/contracts/refusals';
import { TMUX } from '../support/tmux';

const ROOT = resolve(import.meta.dir, '../..');
const doc = (name: string): string => readFileSync(join(ROOT, 'docs', name), 'utf8');

describe('docs', () => {
  test('the generated files are what `bun scripts/docs.ts` makes now', () => {
    for (const [name, text] of generatedDocs()) expect({ name, text: doc(name) }).toEqual({ name, text });
  });

  test('every code of refusal and note stands in the support guide, with cause and remedy', () => {
    const sections = new Map(
      doc('support.md')
        .split(/^### /m)
        .slice(1)
        .map((section) => [section.slice(0, section.indexOf('\n')), section] as const),
    );
    for (const [code, [cause, remedy]] of Object.entries({ ...REFUSAL_CODES, ...NOTE_CODES })) {
      expect(sections.get(code)).toContain(cause);
      expect(sections.get(code)).toContain(`**What to do:** ${remedy}`);
      expect(cause.length).toBeGreaterThan(10);
      expect(remedy.length).toBeGreaterThan(5);
    }
  });

  test('no code in the source is missing there, also one that no table holds', () => {
    const support = doc('support.md');
    const files = Array.from(new Bun.Glob('src/**/*.ts').scanSync({ cwd: ROOT })).sort();
    const codes = files.flatMap((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8');
      const form = /(?:new Refusal\(\s*|(?:code|refusal): ?)'([A-Z][A-Z_]{3,})'/g;
      const found = Array.from(text.matchAll(form), ([, code]) => ({ file, code: code ?? '' }));
      // Errors of the system have codes of their own.
      return found.filter(({ code }) => !(code in constants.errno));
    });
    expect(codes.length).toBeGreaterThan(60);
    const missing = codes.filter(({ code }) => !support.includes(`### ${code}\n`) && !support.includes(`| ${code} |`));
    expect(missing).toEqual([]);
  });

  test('every command and flag that is offered stands in the reference, in the words of the table', () => {
    const reference = doc('reference.md');
    for (const name of OFFERED.commands) expect(reference).toContain(`## ${name}\n\n${commandSpec(name).description}.`);
    for (const name of OFFERED.flags) expect(reference).toContain(flagSpec(name).description);
  });

  test.each(['README.md', 'CHANGELOG.md'])('%s names every command and flag that is offered', (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const words = new Set(
      text.match(/--[a-z-]+|`(?:ao-migrate )?[a-z]+/g)?.map((word) => word.replace(/^`(?:ao-migrate )?/, '')),
    );
    expect(OFFERED.flags.filter((name) => !words.has(`--${name}`))).toEqual([]);
    expect(OFFERED.commands.filter((name) => name !== 'migrate' && !words.has(name))).toEqual([]);
  });

  test('no document names a flag or a command that does not exist, and no link leads nowhere', () => {
    const pages = [
      'README.md',
      ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
    ];
    for (const page of pages) {
      const text = readFileSync(join(ROOT, page), 'utf8');
      const calls = text.match(/ao-migrate(?: [^\n`|]*)?/g) ?? [];
      const flags = calls.flatMap((call) => call.match(/(?<= )--[a-z-]+/g) ?? []);
      const names = Object.keys(FLAGS) as FlagName[];
      expect({ page, unknown: flags.filter((flag) => !names.includes(flag.slice(2) as FlagName)) }).toEqual({
        page,
        unknown: [],
      });
      const links = Array.from(text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g), ([, link]) => link ?? '');
      const broken = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(ROOT, dirname(page), link)));
      expect({ page, broken }).toEqual({ page, broken: [] });
    }
  });

  test.skipIf(TMUX === null)(
    'the recordings are what a person sees now',
    async () => {
      for (const [name, text] of await recordings())
        expect({ name, text: readFileSync(join(RECORDINGS_FOLDER, name), 'utf8') }).toEqual({ name, text });
    },
    180_000,
  );
});
