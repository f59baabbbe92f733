const FIRST_MS = Date.parse('0000-01-01T00:00:00.000Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * The daemon's text of a time (rewrite-target.md 3.3): epoch milliseconds as `YYYY-MM-DD HH:MM:SS[.mmm] +0000 UTC`, the
 * fraction without trailing zeros and absent when zero.
 *
 * @throws RangeError where the year has not four digits: such a text could not be read back
 */
export function daemonTime(ms: number): string {
  if (!(ms >= FIRST_MS && ms <= LAST_MS)) throw new RangeError(`a year of four digits is needed: ${ms} ms`);
  const iso = new Date(ms).toISOString();
  const fraction = iso.slice(19, 23).replace(/\.?0*$/, '');
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fraction} +0000 UTC`;
}
