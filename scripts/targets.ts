/** An executable that can be built: `dist/<name>/` (distribution.md 2). */
export interface Target {
  /** `<os>-<arch>`, with `-musl` behind it for Linux without glibc. */
  readonly name: string;
  /** What `bun build --target` calls it. Bun's `-baseline` and `-modern` are the same build since 1.4. */
  readonly bunTarget: string;
  readonly file: 'ao-migrate' | 'ao-migrate.exe';
  readonly os: 'darwin' | 'linux' | 'win32';
  readonly cpu: 'arm64' | 'x64';
  /** Null where the system has only one. */
  readonly libc: 'glibc' | 'musl' | null;
}

function target(os: Target['os'], cpu: Target['cpu'], libc: Target['libc'] = null): Target {
  const suffix = libc === 'musl' ? '-musl' : '';
  return {
    name: `${os}-${cpu}${suffix}`,
    bunTarget: `bun-${os === 'win32' ? 'windows' : os}-${cpu}${suffix}`,
    file: os === 'win32' ? 'ao-migrate.exe' : 'ao-migrate',
    os,
    cpu,
    libc,
  };
}

export const TARGETS: readonly Target[] = [
  target('darwin', 'arm64'),
  target('darwin', 'x64'),
  target('linux', 'x64', 'glibc'),
  target('linux', 'arm64', 'glibc'),
  target('linux', 'x64', 'musl'),
  target('linux', 'arm64', 'musl'),
  target('win32', 'x64'),
  target('win32', 'arm64'),
];

/** A flag of the build and why it is there (distribution.md 1). */
export interface BuildFlag {
  readonly flag: string;
  readonly reason: string;
}

export const BUILD_FLAGS: readonly BuildFlag[] = [
  { flag: '--compile', reason: 'one file that needs neither Bun nor Node on the machine' },
  { flag: '--bytecode', reason: 'start in a few milliseconds: the imports are not parsed again at every start' },
  { flag: '--format=esm', reason: 'bytecode without it can end with 0 and leave an executable that does not start' },
  {
    flag: '--compile-jit-policy=10',
    reason: 'compile to machine code ten times later: what runs for a tenth of a second does not earn that',
  },
  { flag: '--splitting', reason: 'what a command does not need is not loaded: in one piece every `node:` module is' },
  { flag: '--minify-whitespace', reason: 'smaller; identifiers stay, because minified ones have collided' },
  { flag: '--minify-syntax', reason: 'smaller, and what --define makes unreachable falls away' },
  { flag: '--sourcemap=linked', reason: 'the details of an unexpected error name our own files and lines' },
  { flag: '--no-compile-autoload-dotenv', reason: 'a .env in the working directory must not reach the run' },
  { flag: '--no-compile-autoload-bunfig', reason: 'a bunfig.toml there could name code to be run first' },
  { flag: '--define=process.env.NODE_ENV="production"', reason: 'packages leave their development branches out' },
];

/** The target of the machine that this runs on, or null for one that is not in the table. */
export function hostTarget(platform: string, arch: string, musl: boolean): Target | null {
  const name = `${platform}-${arch}${platform === 'linux' && musl ? '-musl' : ''}`;
  return TARGETS.find((one) => one.name === name) ?? null;
}

/** Arguments of `bun` that build `entry` into `outfile`; deterministic, so that two builds can be compared. */
export function buildArguments(
  built: Target,
  entry: string,
  outfile: string,
  stamp: { readonly version: string; readonly commit: string },
): readonly string[] {
  return [
    'build',
    entry,
    `--target=${built.bunTarget}`,
    ...BUILD_FLAGS.map(({ flag }) => flag),
    `--define=AO_MIGRATE_VERSION=${JSON.stringify(stamp.version)}`,
    `--define=AO_MIGRATE_COMMIT=${JSON.stringify(stamp.commit)}`,
    `--outfile=${outfile}`,
  ];
}
