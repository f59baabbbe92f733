import { dirname, isAbsolute, join, sep } from 'node:path';
import { pathFrom, physical, readText, TEXT_LIMIT } from './files';
import { matchesGlob } from './glob';
import type { Location } from './location';
import { type ConfigEntry, parseConfig, splitKey } from './syntax';

/** Files that one file may include through others, as in git. */
const DEPTH_LIMIT = 10;
/** Files included in all. git knows no limit; without one a few small files could ask for billions of readings. */
const INCLUDE_LIMIT = 1000;
/** Bytes of all config files together, and variables that they may yield with every repeated include. */
const BYTE_LIMIT = 16 * 1024 * 1024;
const ENTRY_LIMIT = 1_000_000;
/** Bytes of patterns times bytes of texts that includes may compare in all. */
const MATCH_LIMIT = 10_000_000;

export type ConfigFile =
  | { readonly state: 'read'; readonly entries: readonly ConfigEntry[] }
  | { readonly state: 'missing' | 'broken' };

/** The config files of one repository, each read and parsed once. */
export class ConfigFiles {
  private readonly known = new Map<string, ConfigFile>();
  private budget = BYTE_LIMIT;

  /** `broken`: cannot be read, or git would refuse its syntax. */
  read(path: string): ConfigFile {
    let file = this.known.get(path);
    if (file === undefined) {
      file = this.load(path);
      this.known.set(path, file);
    }
    return file;
  }

  private load(path: string): ConfigFile {
    // Empty by definition, and written into configs to switch an include off.
    if (path === '/dev/null') return { state: 'read', entries: [] };
    const file = readText(path, Math.min(TEXT_LIMIT, this.budget));
    if (file.state === 'missing') return { state: 'missing' };
    if (file.state !== 'read') return { state: 'broken' };
    this.budget -= file.text.length;
    const entries = parseConfig(file.text);
    return entries === null ? { state: 'broken' } : { state: 'read', entries };
  }
}

/** What conditions of includes are judged by. */
export interface ConfigScope {
  readonly location: Pick<Location, 'gitDir' | 'commonDir'>;
  readonly files: ConfigFiles;
  readonly worktreeConfig: boolean;
  /** `$HOME` for `~/`; null if unset. */
  readonly home: string | null;
  /** Short name of the branch that HEAD of this checkout points to, born or not; null if none. */
  branch(): string | null;
}

/**
 * Every variable of the repository's config with its includes, in git's order: later ones win, first URLs stand first. Null
 * where git gives up: a broken file, a circular include, a path that cannot be expanded, or one of the limits here.
 */
export function readConfig(scope: ConfigScope): readonly ConfigEntry[] | null {
  return new Reading(scope, false).run();
}

/**
 * One pass over the files. For `hasconfig:` git makes a pass of its own before, which takes every such include for true and
 * forbids remote URLs in whatever an `includeIf` brings in.
 */
class Reading {
  private readonly entries: ConfigEntry[] = [];
  private remoteUrls: readonly string[] | null = null;
  private included = 0;
  private matched = 0;

  constructor(
    private readonly scope: ConfigScope,
    private readonly collecting: boolean,
  ) {}

  run(): readonly ConfigEntry[] | null {
    const { location, worktreeConfig } = this.scope;
    const paths = [join(location.commonDir, 'config')];
    if (worktreeConfig) paths.push(join(location.gitDir, 'config.worktree'));
    return paths.every((path) => this.take(path, 0, false)) ? this.entries : null;
  }

  private take(path: string, depth: number, forbidUrls: boolean): boolean {
    const file = this.scope.files.read(path);
    if (file.state !== 'read') return file.state === 'missing';
    if (this.entries.length + file.entries.length > ENTRY_LIMIT) return false;
    for (const entry of file.entries) {
      if (forbidUrls && isRemoteUrl(entry)) return false;
      this.entries.push(entry);
      if (entry.key === 'include.path') {
        if (!this.include(path, entry.value, depth, forbidUrls)) return false;
        continue;
      }
      const condition = splitKey(entry.key, 'includeif');
      if (condition === null || condition.subsection === null) continue;
      const holds = this.holds(condition.subsection, path);
      if (holds === null) return false;
      if (!holds || condition.name !== 'path') continue;
      if (!this.include(path, entry.value, depth, forbidUrls || this.collecting)) return false;
    }
    return true;
  }

  /** False where git gives up; a file that is missing is fine. */
  private include(from: string, value: string | null, depth: number, forbidUrls: boolean): boolean {
    const expanded = value === null ? null : this.expand(value);
    if (expanded === null) return false;
    this.included += 1;
    if (this.included > INCLUDE_LIMIT) return false;
    const path = pathFrom(dirname(from), expanded);
    const file = this.scope.files.read(path);
    if (file.state === 'missing') return true;
    return depth < DEPTH_LIMIT && this.take(path, depth + 1, forbidUrls);
  }

  /** `~/` and `~` become the home directory. Null where git could not tell whose it is, and so gives up. */
  private expand(path: string): string | null {
    if (!path.startsWith('~')) return path;
    if (path !== '~' && path[1] !== '/') return null;
    return this.scope.home === null ? null : this.scope.home + path.slice(1);
  }

  /** Whether the condition of an `includeIf` holds; null where git gives up. An unknown kind never holds. */
  private holds(condition: string, file: string): boolean | null {
    const [, kind = '', pattern = ''] =
      /^(gitdir|gitdir\/i|onbranch|hasconfig:remote\.\*\.url):(.*)$/s.exec(condition) ?? [];
    if (kind === 'gitdir' || kind === 'gitdir/i') return this.isIn(pattern, file, kind === 'gitdir/i');
    if (kind === 'onbranch') {
      const branch = this.scope.branch();
      return branch !== null && this.matches(withContents(pattern), branch, false);
    }
    if (kind === '') return false;
    return this.collecting ? true : this.hasRemote(pattern);
  }

  private hasRemote(pattern: string): boolean | null {
    if (this.remoteUrls === null) {
      const entries = new Reading(this.scope, true).run();
      if (entries === null) return null;
      this.remoteUrls = entries.filter(isRemoteUrl).map(({ value }) => value ?? '');
    }
    let found = false;
    for (const url of this.remoteUrls) {
      const matches = this.matches(pattern, url, false);
      if (matches === null) return null;
      found ||= matches;
    }
    return found;
  }

  private isIn(condition: string, file: string, ignoreCase: boolean): boolean | null {
    const { gitDir } = this.scope.location;
    let pattern = this.expandPattern(condition);
    let literal = 0;
    if (pattern.startsWith('./')) {
      const folder = slashes(dirname(physical(file) ?? file));
      pattern = folder + pattern.slice(1);
      literal = folder.length + 1;
    } else if (!isAbsolute(pattern)) {
      pattern = `**/${pattern}`;
    }
    pattern = withContents(pattern);
    const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
    // git tries the path as it was found too, for patterns that name a link.
    for (const text of [slashes(physical(gitDir) ?? gitDir), slashes(gitDir)]) {
      if (fold(text.slice(0, literal)) !== fold(pattern.slice(0, literal))) return false;
      const matches = this.matches(pattern.slice(literal), text.slice(literal), ignoreCase);
      if (matches !== false) return matches;
    }
    return false;
  }

  /** In a pattern the home directory is the physical one, and what cannot be expanded stays. */
  private expandPattern(pattern: string): string {
    const { home } = this.scope;
    if (home === null || (pattern !== '~' && !pattern.startsWith('~/'))) return pattern;
    return slashes(physical(home) ?? home) + pattern.slice(1);
  }

  private matches(pattern: string, text: string, ignoreCase: boolean): boolean | null {
    this.matched += pattern.length * text.length;
    return this.matched > MATCH_LIMIT ? null : matchesGlob(pattern, text, ignoreCase);
  }
}

function isRemoteUrl({ key }: ConfigEntry): boolean {
  const parts = splitKey(key, 'remote');
  return parts !== null && parts.subsection !== null && parts.name === 'url';
}

/** A pattern that ends in a slash means everything below. */
function withContents(pattern: string): string {
  return pattern.endsWith('/') ? `${pattern}**` : pattern;
}

function slashes(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
