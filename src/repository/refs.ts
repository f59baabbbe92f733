import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { eachLine, errorCode, readFound, readText, type TextFile } from './files';
import type { Location } from './location';
import { trimEnd, trimStart } from './text';

/** Largest packed-refs file that is read, bytes: some four million refs. */
const PACKED_LIMIT = 256 * 1024 * 1024;
/** git follows that many symbolic refs. */
const DEPTH_LIMIT = 5;

/**
 * What one ref file says. `absent`: nothing loose there, so packed-refs decides; `hidden`: nothing there either, but
 * something in its way, so that git does not look into packed-refs; `broken`: git passes over what is there.
 */
export type LooseRef =
  | { readonly kind: 'absent' | 'hidden' | 'object' | 'broken' | 'unreadable' }
  | { readonly kind: 'symbolic'; readonly target: string };

/**
 * Whether git accepts the full ref name (git-check-ref-format(1)). What passes is safe to join to a directory: no `..`, no
 * empty part, none that begins with a dot, no backslash, no colon, no control character.
 */
export function isRefName(name: string): boolean {
  if (name === '' || name === '@') return false;
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|^\/|[/.]$/.test(name)) return false;
  return !name.split('/').some((part) => part.startsWith('.') || part.endsWith('.lock'));
}

/** Whether a branch can have the name: git rejects those that look like an option, and `HEAD`. */
export function isBranchName(name: string): boolean {
  return !name.startsWith('-') && name !== 'HEAD' && isRefName(`refs/heads/${name}`);
}

/** The branch that a full ref name means, or null. */
export function branchOf(ref: string): string | null {
  const name = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : null;
  return name !== null && isRefName(ref) ? name : null;
}

type RefHome = Pick<Location, 'gitDir' | 'commonDir'>;

/** HEAD and the like, and three hierarchies, belong to one worktree; all others are shared. */
function fileOf(home: RefHome, ref: string): string {
  const own = !ref.startsWith('refs/') || /^refs\/(?:bisect|worktree|rewritten)\//.test(ref);
  return join(own ? home.gitDir : home.commonDir, ref);
}

type FollowedFile =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' | 'hidden' | 'broken' | 'unreadable' };

/** What stands where a loose ref would: a link into `refs/`, a text, or why there is neither. */
export type RefFile = { readonly kind: 'link'; readonly target: string } | FollowedFile;

/** The files of the loose refs of one repository and its worktrees, each read once. */
export class RefFiles {
  readonly #known = new Map<string, RefFile>();

  read(path: string): RefFile {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const file = readRefFile(path);
    this.#known.set(path, file);
    return file;
  }
}

/** The loose refs of a repository whose object ids have `idLength` hexadecimal digits. */
export class LooseRefs {
  constructor(
    private readonly files: RefFiles,
    readonly idLength: number,
  ) {}

  /** One loose ref by its full, checked name. A link into `refs/` is symbolic (old HEADs are), any other is followed. */
  read(home: RefHome, ref: string): LooseRef {
    const path = fileOf(home, ref);
    const file = this.files.read(path);
    if (file.kind === 'text') return decodeLoose(file.text, this.idLength);
    if (file.kind !== 'link') return { kind: file.kind };
    if (isRefName(file.target)) return { kind: 'symbolic', target: file.target };
    const followed = followLink(path);
    return followed.kind === 'text' ? decodeLoose(followed.text, this.idLength) : { kind: followed.kind };
  }
}

function readRefFile(path: string): RefFile {
  let stat: Stats | undefined;
  try {
    stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return { kind: 'absent' };
    const target = stat.isSymbolicLink() ? readlinkSync(path) : '';
    if (target.startsWith('refs/')) return { kind: 'link', target };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return { kind: 'absent' };
    return { kind: code === 'ENOTDIR' || code === 'ENAMETOOLONG' ? 'hidden' : 'unreadable' };
  }
  // A folder where a file could be holds refs with longer names.
  return stat.isSymbolicLink() ? followLink(path) : refText(readFound(path, stat), 'absent');
}

function followLink(path: string): FollowedFile {
  return refText(readText(path), 'broken');
}

function refText(file: TextFile, ofDirectory: 'absent' | 'broken'): FollowedFile {
  if (file.state === 'read') return { kind: 'text', text: file.text };
  if (file.state === 'directory') return { kind: ofDirectory };
  return { kind: file.state === 'missing' ? 'hidden' : 'unreadable' };
}

function decodeLoose(text: string, idLength: number): LooseRef {
  if (text.startsWith('ref:')) {
    const target = trimStart(trimEnd(text.slice('ref:'.length)));
    return isRefName(target) ? { kind: 'symbolic', target } : { kind: 'broken' };
  }
  const id = /^([0-9a-f]+)(?:[ \t\r\n]|$)/i.exec(text)?.[1] ?? '';
  return { kind: id.length === idLength && !/^0+$/.test(id) ? 'object' : 'broken' };
}

/**
 * Where HEAD of a git directory points in the end: a full ref name that need not exist, null if HEAD is detached or broken.
 * `unreadable` if a file in the chain is.
 */
export function readHead(home: RefHome, refs: LooseRefs): { readonly ref: string | null } | 'unreadable' {
  let ref: string | null = null;
  for (let depth = 0, name = 'HEAD'; depth < DEPTH_LIMIT; depth += 1) {
    const found = refs.read(home, name);
    if (found.kind === 'unreadable') return 'unreadable';
    if (found.kind === 'broken') return { ref: null };
    if (found.kind !== 'symbolic') return { ref };
    ref = found.target;
    name = ref;
  }
  return { ref: null };
}

/** Short name of the branch that HEAD points to, born or not; null if none, or not to be read. */
export function headBranch(home: RefHome, refs: LooseRefs): string | null {
  const head = readHead(home, refs);
  return head === 'unreadable' || head.ref === null ? null : branchOf(head.ref);
}

/**
 * Those of the full ref names that exist and lead to an object, loose or packed, through symbolic refs; null where a
 * file that was needed cannot be read. Names that git would not accept do not exist.
 */
export function existingRefs(home: RefHome, names: Iterable<string>, refs: LooseRefs): ReadonlySet<string> | null {
  const found = new Set<string>();
  /** Name now looked at → names asked for that lead to it. */
  let pending = new Map<string, string[]>();
  for (const ref of names) if (isRefName(ref)) pending.set(ref, [ref]);
  for (let depth = 0; depth < DEPTH_LIMIT && pending.size > 0; depth += 1) {
    const next = new Map<string, string[]>();
    const absent: string[] = [];
    for (const [name, asked] of pending) {
      const loose = refs.read(home, name);
      if (loose.kind === 'unreadable') return null;
      if (loose.kind === 'object') for (const ref of asked) found.add(ref);
      if (loose.kind === 'absent') absent.push(name);
      if (loose.kind === 'symbolic') next.set(loose.target, [...(next.get(loose.target) ?? []), ...asked]);
    }
    const packed = absent.length === 0 ? new Set<string>() : packedRefs(home.commonDir, absent, refs.idLength);
    if (packed === null) return null;
    for (const name of packed) for (const ref of pending.get(name) ?? []) found.add(ref);
    pending = next;
  }
  return found;
}

/** Those of the names that packed-refs has; null where the file cannot be read or is not one. */
function packedRefs(commonDir: string, names: readonly string[], idLength: number): ReadonlySet<string> | null {
  const wanted = new Map(names.map((name) => [Buffer.from(name, 'utf8').toString('latin1'), name]));
  const found = new Set<string>();
  const id = new RegExp(`^[0-9a-fA-F]{${idLength}}$`);
  const outcome = eachLine(join(commonDir, 'packed-refs'), PACKED_LIMIT, (line) => {
    if (line.startsWith('#') || line.startsWith('^')) return true;
    if (line[idLength] !== ' ' || !id.test(line.slice(0, idLength))) return false;
    const name = wanted.get(line.slice(idLength + 1));
    if (name !== undefined && !/^0+ /.test(line)) found.add(name);
    return true;
  });
  return outcome === 'broken' ? null : found;
}
