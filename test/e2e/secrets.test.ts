import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/executable';
import { type SecretStore, secretStore } from '../support/secret-store';
import { leaked } from '../support/secrets';
import { untarred } from '../support/untar';

/** Milliseconds; the machine may have other work. */
const LONG = 180_000;

let store: SecretStore;
let work: string;
beforeAll(() => {
  store = secretStore();
  work = mkdtempSync(join(tmpdir(), 'ao-migrate-secrets-'));
});
afterAll(() => {
  store.home.remove();
  rmSync(work, { recursive: true, force: true });
});

const say = async (args: readonly string[]): Promise<string> => {
  const { stdout, stderr, exitCode } = await run(store.home, args, { env: store.env });
  return `${stdout}\n${stderr}\nexit ${exitCode}`;
};
const found = (text: string): string[] => leaked(text, store.planted);

const FORMS = [['--json', '--verbose'], ['--verbose'], []] as const;

/** Each as a document and in text, with everything that --verbose adds and summed up. */
async function expectNothing(args: readonly string[], forms: readonly (readonly string[])[] = FORMS): Promise<void> {
  await Promise.all(
    forms.map(async (form) => {
      const text = await say([...args, ...form]);
      expect({ args, form, found: found(text) }).toEqual({ args, form, found: [] });
      expect(text.includes('unexpected error')).toBe(false);
    }),
  );
}

describe('two hundred secrets of twenty kinds, and as many that have no form', () => {
  test('are in the store, and the store is one that migrates', async () => {
    const formed = store.planted.filter(({ kind }) => kind !== 'formless');
    expect(new Set(formed.map(({ kind }) => kind)).size).toBe(20);
    expect(formed.length).toBe(200);
    expect(store.planted.length).toBeGreaterThan(350);
    const config = readFileSync(join(store.home.path, '.agent-orchestrator', 'config.yaml'), 'utf8');
    expect(found(config).length).toBeGreaterThan(50);
    expect(await say(['--dry-run'])).toContain('Orchestrators: 6 to add');
  });

  test.each(['--dry-run', 'status', 'explain', 'doctor', 'verify', 'rollback --dry-run'])(
    'none is in any output of %s before a run',
    (words) => expectNothing(words.split(' ')),
    LONG,
  );

  test(
    'none is in a support archive, nor a name, nor the home, the user or the host',
    async () => {
      const file = join(work, 'before.tar.gz');
      expect(await say(['doctor', '--bundle', file])).toContain('exit 0');
      for (const [name, text] of untarred(file)) {
        expect({ name, found: found(text) }).toEqual({ name, found: [] });
        const isName = name.endsWith('.json') ? [`(?<![\\w])${RegExp.escape(hostname())}(?![\\w])`] : [];
        const parts = [store.home.path, 'Zaphod', 'zaphodbeeblebrox', 'heartofgold'].map((part) => RegExp.escape(part));
        expect([...parts, ...isName].filter((part) => new RegExp(part, 'i').test(text))).toEqual([]);
      }
    },
    LONG,
  );

  test(
    'none is in what a run prints and leaves behind, nor in what comes after it',
    async () => {
      const text = await say(['--yes', '--json', '--verbose', '--timing']);
      expect(text).toContain('exit 0');
      expect(found(text)).toEqual([]);
      await expectNothing(['--yes']);
      for (const args of [['status'], ['explain'], ['verify'], ['doctor'], ['rollback', '--dry-run']])
        await expectNothing(args);
      const migrations = join(store.home.path, '.ao', 'migrations');
      for (const name of readdirSync(migrations))
        expect(found(readFileSync(join(migrations, name), 'utf8'))).toEqual([]);
      const file = join(work, 'after.tar.gz');
      await say(['doctor', '--bundle', file]);
      const texts = [...untarred(file).values()].join('\n');
      expect(found(texts)).toEqual([]);
      expect(store.names.filter((name) => texts.includes(name))).toEqual([]);
      expect(texts.includes('"receipts"')).toBe(true);
      await expectNothing(['rollback', '--yes']);
    },
    LONG,
  );

  test(
    'none is in postinstall.json or in what an install says',
    async () => {
      const text = await run(store.home, ['postinstall'], {
        env: { ...store.env, npm_config_global: 'true', AO_MIGRATE: 'plan' },
      });
      expect(found(text.stdout + text.stderr)).toEqual([]);
      const folder = join(store.home.path, '.ao', 'migrations');
      for (const name of readdirSync(folder)) expect(found(readFileSync(join(folder, name), 'utf8'))).toEqual([]);
    },
    LONG,
  );

  test(
    'none is told when a file that holds them cannot be read',
    async () => {
      const [first, second] = store.planted;
      const config = join(store.home.path, '.agent-orchestrator', 'config.yaml');
      const whole = readFileSync(config, 'utf8');
      const broken = [
        `projects:\n  app:\n    env: {TOKEN: "${first?.text}\n  x: [${second?.text}`,
        `- ${first?.text}\n- ${second?.text}`,
        `${first?.core}: ${second?.core}: *${first?.core}\n`,
        whole.slice(0, Math.floor(whole.length / 2)),
        `projects: !!${first?.core} {a: 1}\n`,
        `a: 1\n"${first?.core}": 2\n"${first?.core}": 3\nprojects: {}\n`,
        `env: {TOKEN: "C:\\${first?.core}"}\n`,
      ];
      const local = join(store.home.path, 'code', 'app', 'agent-orchestrator.yaml');
      const own = readFileSync(local, 'utf8');
      for (const text of broken) {
        writeFileSync(local, text);
        for (const args of [['--dry-run'], ['explain']]) await expectNothing(args, FORMS.slice(0, 2));
      }
      writeFileSync(local, own);
      for (const text of broken) {
        writeFileSync(config, text);
        // An old file is not read again in the hope that it is only being written.
        utimesSync(config, 1_700_000_000, 1_700_000_000);
        for (const args of [['--dry-run'], ['status'], ['explain'], ['doctor']])
          await expectNothing(args, [['--json', '--verbose']]);
        const file = join(work, `broken-${broken.indexOf(text)}.tar.gz`);
        await say(['doctor', '--bundle', file]);
        expect(found([...untarred(file).values()].join('\n'))).toEqual([]);
      }
    },
    LONG,
  );
});
