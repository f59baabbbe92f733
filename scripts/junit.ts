/** What a test run did, counted from its JUnit report. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Report extends Counts {
  /** Test files that the report names, as it names them. */
  readonly files: ReadonlySet<string>;
}

const CASE = /<testcase\b[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;
const FILE = /<testsuite\b[^>]*?\bfile="([^"]*)"/g;

/** Counts test by test; the report's own sums are not trusted. `todo` counts as skipped. */
export function readReport(xml: string): Report {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, inside = ''] of xml.matchAll(CASE)) {
    if (/<(?:failure|error)\b/.test(inside)) counts.failed++;
    else if (/<skipped\b/.test(inside)) counts.skipped++;
    else counts.passed++;
  }
  return { ...counts, files: new Set(Array.from(xml.matchAll(FILE), ([, file = '']) => unescaped(file))) };
}

/**
 * The counts that are true of the whole run. A file that could not be loaded is missing from Bun's report, and a
 * run can end badly without a failed test (a leak, a crash): neither may look like success.
 *
 * @param report null where none was written
 * @param testFiles every test file there is
 * @param failedSteps steps other than the tests that failed
 */
export function sumOf(
  report: Report | null,
  testFiles: readonly string[],
  testExitCode: number,
  failedSteps: number,
): Counts & { readonly missing: readonly string[] } {
  const missing = testFiles.filter((file) => report?.files.has(file) !== true);
  const found = (report?.failed ?? 0) + missing.length;
  const failed = found === 0 && testExitCode !== 0 ? 1 : found;
  return { passed: report?.passed ?? 0, failed: failed + failedSteps, skipped: report?.skipped ?? 0, missing };
}

/** The last line of `bun run check`. */
export function sumText({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescaped(text: string): string {
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => ENTITIES[name] ?? '');
}
