import { describe, expect, test } from 'bun:test';
import { obstacles } from '../../scripts/release';
import { type Outside, type Publication, publishAll, tagOf } from '../../scripts/release-steps';

const packed = (name: string, version = '1.2.3'): Publication => ({
  name,
  version,
  file: `${name}.tgz`,
  size: 1,
  unpackedSize: 1,
  files: [],
  integrity: `sha512-${name}`,
});
const ALL = ['ao-migrate-a', 'ao-migrate-b', 'ao-migrate-c', 'ao-migrate'].map((name) => packed(name));
const MAIN = 'ao-migrate@1.2.3';

/** A registry that fails at the n-th request. */
class Registry implements Outside {
  readonly there = new Map<string, string>();
  #left = Number.POSITIVE_INFINITY;

  failAt(request: number): void {
    this.#left = request;
  }
  async #request(): Promise<void> {
    if (this.#left-- === 0) throw new Error('the network is gone');
  }
  async published(name: string, version: string): Promise<string | null> {
    await this.#request();
    return this.there.get(`${name}@${version}`) ?? null;
  }
  async publish({ name, version, integrity }: Publication, tag: string): Promise<void> {
    await this.#request();
    expect(tag).toBe('latest');
    expect(this.there.has(`${name}@${version}`)).toBe(false);
    this.there.set(`${name}@${version}`, integrity);
  }
  /** What a user could get: a main package needs all its platforms. */
  isWhole(): boolean {
    const platforms = ALL.slice(0, -1).every(({ name, version }) => this.there.has(`${name}@${version}`));
    return !this.there.has(MAIN) || platforms;
  }
}

const quiet = (): void => {};

describe('a release', () => {
  test('publishes the main package last', async () => {
    const registry = new Registry();
    await publishAll(ALL, registry, quiet);
    expect([...registry.there.keys()].at(-1)).toBe(MAIN);
    expect(registry.there.size).toBe(4);
  });
  test('that stops anywhere leaves no main package without its platforms, and is resumed by running again', async () => {
    let stops = 0;
    for (let request = 0; request < 30; request++) {
      const registry = new Registry();
      registry.failAt(request);
      const stopped = await publishAll(ALL, registry, quiet).then(
        () => false,
        () => true,
      );
      expect(registry.isWhole()).toBe(true);
      if (!stopped) break;
      stops++;
      registry.failAt(Number.POSITIVE_INFINITY);
      await publishAll(ALL, registry, quiet);
      expect(registry.there.size).toBe(4);
    }
    expect(stops).toBe(4 + 4 + 3);
  });
  test('stops where a version is there with other contents', async () => {
    const registry = new Registry();
    registry.there.set('ao-migrate-b@1.2.3', 'sha512-other');
    await expect(publishAll(ALL, registry, quiet)).rejects.toThrow('is published with other contents');
    expect(registry.there.has(MAIN)).toBe(false);
  });
  test('stops where versions differ, before anything is published', async () => {
    const registry = new Registry();
    await expect(publishAll([packed('x', '1.0.0'), ...ALL], registry, quiet)).rejects.toThrow(
      'different versions: 1.0.0, 1.2.3',
    );
    expect(registry.there.size).toBe(0);
  });
});

test('a version on the way to a final one is not what people get', () => {
  expect(tagOf('1.2.3-rc.1')).toBe('next');
  expect(tagOf('1.2.3')).toBe('latest');
});

test('nothing is published from an unknown or changed tree, without an address, or with scripts for another one', () => {
  const clean = { version: '1.2.3', sourceCommit: 'a'.repeat(40) };
  const address = 'https://example.org/a/b/releases/download';
  const scripts = [`releases=${address}`, `$releases = '${address}'`];
  expect(obstacles(clean, address, scripts)).toEqual([]);
  expect(obstacles({ ...clean, sourceCommit: `${clean.sourceCommit}-dirty` }, address, scripts)).toHaveLength(1);
  expect(obstacles({ ...clean, sourceCommit: '' }, '', scripts)).toHaveLength(2);
  expect(obstacles(clean, address, [`releases=${address}`, ''])).toEqual([expect.stringContaining('build it again')]);
});
