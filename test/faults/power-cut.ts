import { chmodSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { strings, type TracedCall } from './traced-calls';

/**
 * What the disk would hold had the power gone: the changing calls of a traced run are replayed on a model in which data
 * reaches the disk by fsync of the file alone, and a name by fsync of its directory alone. That is less than any real file
 * system keeps. With `names`, names and removals survive at once, as on a journalling file system, and only data needs
 * its fsync. A syncfs, whichever process calls it, puts on the disk all names and bytes that were there when it began, and
 * nothing that another thread wrote while it ran.
 */
export type Survival = 'synced' | 'names';

interface FileNode {
  readonly kind: 'file';
  data: Uint8Array;
  /** Null where nothing of it was ever synced. */
  durable: Uint8Array | null;
  mode: number;
  position: number;
}

interface DirectoryNode {
  readonly kind: 'directory';
  names: Map<string, Node>;
  durable: Map<string, Node>;
  mode: number;
}

/** Links and the like, which the runs do not make. */
interface OtherNode {
  readonly kind: 'other';
}

type Node = FileNode | DirectoryNode | OtherNode;

/** All names and bytes at one moment. */
interface Moment {
  readonly files: readonly { readonly file: FileNode; readonly data: Uint8Array }[];
  readonly directories: readonly { readonly directory: DirectoryNode; readonly names: Map<string, Node> }[];
}

export class Disk {
  readonly #root: DirectoryNode;
  /** What a syncfs that has not ended found when it began, by its thread. */
  readonly #syncing = new Map<string, Moment>();

  /** The disk as it is now below a folder, all of it synced. */
  constructor(private readonly folder: string) {
    this.#root = readDirectory(folder);
  }

  /** One line of a trace; false where it changes nothing below the folder. */
  replay({ name, args, thread, ended }: TracedCall): boolean {
    if (!ended) return this.#beginSyncAll(args, thread);
    const paths = strings(args).map((path) => path.toString('utf8'));
    const [first = '', second = ''] = paths;
    const descriptor = /^\d+<((?:[^<>]|->)*)>/.exec(args)?.[1]?.replace(/ \(deleted\)$/, '') ?? '';
    switch (name) {
      case 'open':
      case 'openat':
        return this.#open(first, args);
      case 'write':
      case 'pwrite64':
        return this.#write(descriptor, name, args);
      case 'ftruncate':
        return this.#truncate(descriptor, Number(/, (\d+)/.exec(args)?.[1] ?? 0));
      case 'fsync':
      case 'fdatasync':
        return this.#sync(descriptor);
      case 'syncfs':
        return this.#syncAll(args, thread);
      case 'rename':
      case 'link':
        return this.#move(first, second, name === 'link');
      case 'unlink':
      case 'rmdir':
        return this.#remove(first);
      case 'unlinkat':
        return this.#remove(first.startsWith('/') ? first : join(/<([^>]*)>/.exec(args)?.[1] ?? '', first));
      case 'mkdir':
        return this.#make(first, Number.parseInt(/, (0\d+)/.exec(args)?.[1] ?? '0700', 8));
      case 'chmod':
      case 'fchmod': {
        const node = this.#find(name === 'chmod' ? first : descriptor);
        if (node === null || node.kind === 'other') return false;
        node.mode = Number.parseInt(/, (0\d+)/.exec(args)?.[1] ?? '0700', 8);
        return true;
      }
      default:
        return false;
    }
  }

  /** Makes the folder what the disk would hold. It must be as it was when this was made. */
  lay(survival: Survival): void {
    layDirectory(this.#root, this.folder, survival, new Map());
  }

  #parts(path: string): string[] | null {
    if (path === this.folder) return [];
    return path.startsWith(`${this.folder}/`) ? path.slice(this.folder.length + 1).split('/') : null;
  }

  #find(path: string): Node | null {
    const parts = this.#parts(path);
    if (parts === null) return null;
    let node: Node = this.#root;
    for (const part of parts) {
      const next: Node | undefined = node.kind === 'directory' ? node.names.get(part) : undefined;
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  #parent(path: string): DirectoryNode | null {
    const node = this.#find(dirname(path));
    return node?.kind === 'directory' ? node : null;
  }

  #file(path: string): FileNode | null {
    const node = this.#find(path);
    return node?.kind === 'file' ? node : null;
  }

  #open(path: string, args: string): boolean {
    const parent = this.#parent(path);
    if (parent === null || this.#parts(path) === null) return false;
    let file = this.#file(path);
    if (file === null) {
      if (!args.includes('O_CREAT')) return false;
      const mode = Number.parseInt(/, (0\d+)\)?/.exec(args)?.[1] ?? '0600', 8);
      file = { kind: 'file', data: new Uint8Array(), durable: null, mode, position: 0 };
      parent.names.set(basename(path), file);
    }
    if (args.includes('O_TRUNC')) file.data = new Uint8Array();
    file.position = args.includes('O_APPEND') ? file.data.length : 0;
    return /O_CREAT|O_TRUNC/.test(args);
  }

  #write(path: string, name: string, args: string): boolean {
    const file = this.#file(path);
    if (file === null) return false;
    const [bytes = Buffer.alloc(0)] = strings(args);
    const offset = name === 'pwrite64' ? Number(/, (\d+)$/.exec(args)?.[1] ?? 0) : file.position;
    const data = new Uint8Array(Math.max(file.data.length, offset + bytes.length));
    data.set(file.data);
    data.set(bytes, offset);
    file.data = data;
    if (name === 'write') file.position = offset + bytes.length;
    return true;
  }

  #truncate(path: string, length: number): boolean {
    const file = this.#file(path);
    if (file === null) return false;
    const data = new Uint8Array(length);
    data.set(file.data.subarray(0, length));
    file.data = data;
    return true;
  }

  #sync(path: string): boolean {
    const node = this.#find(path);
    if (node?.kind === 'file') node.durable = node.data;
    else if (node?.kind === 'directory') node.durable = new Map(node.names);
    return node !== null;
  }

  #beginSyncAll(args: string, thread: string): boolean {
    if (!this.#isHere(args)) return false;
    this.#syncing.set(thread, momentOf(this.#root));
    return true;
  }

  #syncAll(args: string, thread: string): boolean {
    if (!this.#isHere(args)) return false;
    const { files, directories } = this.#syncing.get(thread) ?? momentOf(this.#root);
    this.#syncing.delete(thread);
    for (const { file, data } of files) file.durable = data;
    for (const { directory, names } of directories) directory.durable = names;
    return true;
  }

  /** Whether a descriptor is of the folder's file system: one below it, or above it and not behind a mount point. */
  #isHere(args: string): boolean {
    const path = /^\d+<((?:[^<>]|->)*)>/.exec(args)?.[1] ?? '';
    const stat = path === '' ? undefined : lstatSync(path, { throwIfNoEntry: false });
    return this.#parts(path) !== null || stat?.dev === lstatSync(this.folder).dev;
  }

  #move(from: string, to: string, stays: boolean): boolean {
    const node = this.#find(from);
    const [source, target] = [this.#parent(from), this.#parent(to)];
    if (node === null || source === null || target === null) return false;
    target.names.set(basename(to), node);
    if (!stays) source.names.delete(basename(from));
    return true;
  }

  #remove(path: string): boolean {
    return this.#parent(path)?.names.delete(basename(path)) ?? false;
  }

  #make(path: string, mode: number): boolean {
    const parent = this.#parent(path);
    if (parent === null || this.#parts(path) === null) return false;
    parent.names.set(basename(path), { kind: 'directory', names: new Map(), durable: new Map(), mode });
    return true;
  }
}

function readDirectory(path: string): DirectoryNode {
  const names = new Map<string, Node>();
  for (const name of readdirSync(path)) {
    const child = join(path, name);
    const stat = lstatSync(child);
    if (stat.isDirectory()) names.set(name, readDirectory(child));
    else if (stat.isFile()) {
      const data = new Uint8Array(readFileSync(child));
      names.set(name, { kind: 'file', data, durable: data, mode: stat.mode & 0o7777, position: 0 });
    } else names.set(name, { kind: 'other' });
  }
  return { kind: 'directory', names, durable: new Map(names), mode: lstatSync(path).mode & 0o7777 };
}

function momentOf(root: DirectoryNode): Moment {
  const files: Moment['files'][number][] = [];
  const directories: Moment['directories'][number][] = [];
  const walk = (directory: DirectoryNode): void => {
    directories.push({ directory, names: new Map(directory.names) });
    for (const child of directory.names.values()) {
      // Bytes are never changed in place: a write puts others there.
      if (child.kind === 'file') files.push({ file: child, data: child.data });
      else if (child.kind === 'directory') walk(child);
    }
  };
  walk(root);
  return { files, directories };
}

/** @param laid where each file was put already: a second name of it is a link */
function layDirectory(node: DirectoryNode, path: string, survival: Survival, laid: Map<FileNode, string>): void {
  const names = survival === 'names' ? node.names : node.durable;
  for (const name of readdirSync(path))
    if (!names.has(name)) rmSync(join(path, name), { recursive: true, force: true });
  for (const [name, child] of names) {
    const place = join(path, name);
    const standing = lstatSync(place, { throwIfNoEntry: false });
    if (child.kind === 'directory') {
      if (standing?.isDirectory() !== true) mkdirSync(place);
      layDirectory(child, place, survival, laid);
      chmodSync(place, child.mode);
    } else if (child.kind === 'file') {
      const first = laid.get(child);
      laid.set(child, place);
      if (first === undefined) layFile(child, place, standing?.isFile() === true);
      else {
        rmSync(place, { force: true });
        linkSync(first, place);
      }
    }
  }
}

function layFile(file: FileNode, place: string, stands: boolean): void {
  const data = file.durable ?? new Uint8Array();
  if (!stands || !Buffer.from(data).equals(readFileSync(place))) writeFileSync(place, data);
  chmodSync(place, file.mode);
}
