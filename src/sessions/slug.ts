/** Longest name that a release with a cap writes without a hash, in UTF-16 units. */
const CAP = 200;

/**
 * Name of the folder below `projects/` in which Claude Code keeps the conversations of a directory: every UTF-16 unit
 * outside `[A-Za-z0-9]` is a dash; above 200 units the first 200, a dash and an int32 hash of the path in base 36
 * (harness-sessions.md 1.1). The path must be physical; this is the form that is written.
 */
export function slug(path: string): string {
  const name = uncapped(path);
  return name.length > CAP ? `${name.slice(0, CAP)}-${int32Hash(path)}` : name;
}

/**
 * Every name that some release, or `migrate-storage`, gave the folder of one path, without repetition: the rule for the
 * path as spelled, in NFC and in NFD, each with both hashes and without cap where it is long, then the wrong encoding of
 * legacy-store.md 3.12. For finding only.
 */
export function sourceSlugs(path: string): string[] {
  const spelled = spellings(path);
  const names = spelled.map(slug);
  const long = spelled.filter((each) => uncapped(each).length > CAP);
  for (const each of long) names.push(`${uncapped(each).slice(0, CAP)}-${wyHash(each)}`, uncapped(each));
  names.push(...spelled.map(misencoded));
  return [...new Set(names)].filter((name) => name !== '');
}

/** Beginnings of folder names that may belong to a long path; one counts only if a `cwd` inside says so. */
export function longSlugPrefixes(path: string): string[] {
  const long = spellings(path)
    .map(uncapped)
    .filter((name) => name.length > CAP);
  return [...new Set(long.map((name) => `${name.slice(0, CAP)}-`))];
}

/** Nearly every path, and it has one spelling. */
function isAscii(path: string): boolean {
  return /^[\x00-\x7f]*$/.test(path);
}

function spellings(path: string): string[] {
  if (isAscii(path)) return [path];
  return [...new Set([path, path.normalize('NFC'), path.normalize('NFD')])];
}

function uncapped(path: string): string {
  return path.replace(/[^A-Za-z0-9]/g, '-');
}

/** What `migrate-storage` makes of a path: `:` is dropped, separators and `.` become dashes, the rest stays. */
function misencoded(path: string): string {
  return path.replaceAll(':', '').replace(/[\\/.]/g, '-');
}

function int32Hash(path: string): string {
  let hash = 0;
  for (let unit = 0; unit < path.length; unit += 1) hash = ((hash << 5) - hash + path.charCodeAt(unit)) | 0;
  return Math.abs(hash).toString(36);
}

/** The hash of native builds from 2.1.47 to about 2.1.100. */
function wyHash(path: string): string {
  return Bun.hash(path).toString(36);
}
