/** The rule by which a date came from the clock: nothing derives it again. */
export const RUN_TIME = 'time of this run';

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9})\d*)?)?)?\s*([Zz]|[+-]\d{2}:?\d{2})?$/;

/**
 * Epoch milliseconds of an ISO 8601 text, or null where it is none. Text without a zone is UTC, and a year that has not
 * four digits is no date (R18); days that no month has are none either.
 */
export function parseInstant(text: string | null): number | null {
  const match = text === null ? null : ISO.exec(text.trim());
  if (match === null) return null;
  const part = (index: number): number => Number(match[index] ?? '0');
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return null;
  const millisecond = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month - 1) return null;
  date.setUTCHours(hour, minute, second, millisecond);
  const zone = match[8] ?? 'Z';
  let time = date.getTime();
  if (zone !== 'Z' && zone !== 'z') {
    const digits = zone.replace(':', '');
    const offset = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3, 5));
    if (Number(digits.slice(1, 3)) > 23 || Number(digits.slice(3, 5)) > 59) return null;
    time += (digits.startsWith('-') ? 1 : -1) * offset * 60_000;
  }
  return inDaemonRange(time) ? time : null;
}

/** Epoch milliseconds of an epoch in seconds, or null outside the years that four digits can write. */
export function fromEpochSeconds(seconds: number): number | null {
  const time = Math.floor(seconds * 1000);
  return Number.isFinite(time) && inDaemonRange(time) ? time : null;
}

/** A time of the file system in epoch milliseconds, or null where no daemon could read it back: disks hold any number. */
export function fromFileTime(ms: number): number | null {
  return Number.isFinite(ms) && inDaemonRange(Math.floor(ms)) ? Math.floor(ms) : null;
}

/** Years 1 to 9999: what the daemon reads back (rewrite-target.md 3.1). */
function inDaemonRange(time: number): boolean {
  const year = new Date(time).getUTCFullYear();
  return year >= 1 && year <= 9999;
}
