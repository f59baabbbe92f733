import { goTrim } from '../../src/rewrite/go-text';

/**
 * What the daemon's driver makes of a time text (rewrite-target.md 3.1). One text that it cannot read breaks a whole list
 * query of the daemon, so the tests read back what is written.
 */

type Parts = Readonly<Record<string, string | undefined>>;

// The driver parses with Go's time package, which lets the hour have one digit, the fraction any number of digits and a
// comma for the point, and takes several blanks for one.
const DATE = '(?<year>\\d{4})-(?<month>\\d\\d)-(?<day>\\d\\d)';
const MINUTES = '(?<hour>\\d\\d?):(?<minute>\\d\\d)';
const SECONDS = `${MINUTES}:(?<second>\\d\\d)(?:[.,](?<fraction>\\d+))?`;
const OFFSET_HOUR = '(?<sign>[+-])(?<offsetHour>\\d\\d)';

/** What `time.Time.String()` writes: the form that the driver tries first. */
const STRING_FORM = new RegExp(`^${DATE} +${SECONDS} +${OFFSET_HOUR}(?<offsetMinute>\\d\\d) +(?<zone>\\S+)$`);
const OTHER_FORMS = [
  new RegExp(`^${DATE}(?: +|T)${SECONDS}(?:${OFFSET_HOUR}:(?<offsetMinute>\\d\\d))?$`),
  new RegExp(`^${DATE}(?: +|T)${MINUTES}$`),
  new RegExp(`^${DATE}$`),
];

/** Zone abbreviations that Go accepts without knowing them; a numeric one only as whole hours below 24. */
const ZONE_NAME = /^(?:ChST|MeST|WITA|(?!(?:UTC|GMT)[A-Z])[A-Z]{3}(?:[A-Z]?T)?|(?:GMT)?[+-]0*(?:\d|1\d|2[0-3]))$/;

/**
 * The instant that the daemon reads from a stored text, in epoch milliseconds (finer parts cut off), or null where its
 * driver fails. The forms and their order are those of rewrite-target.md 3.1.
 */
export function readDaemonTime(text: string): number | null {
  const monotonic = text.indexOf('m=');
  const whole = STRING_FORM.exec(goTrim(monotonic > 0 ? text.slice(0, monotonic) : text))?.groups;
  if (whole !== undefined && ZONE_NAME.test(whole.zone ?? '')) {
    const ms = instant(whole);
    if (ms !== null) return ms;
  }
  const unmarked = text.endsWith('Z') ? text.slice(0, -1) : text;
  for (const form of OTHER_FORMS) {
    const parts = form.exec(unmarked)?.groups;
    const ms = parts === undefined ? null : instant(parts);
    if (ms !== null) return ms;
  }
  return null;
}

function instant(parts: Parts): number | null {
  const number = (name: string): number => Number(parts[name] ?? 0);
  const [month, day] = [number('month'), number('day')];
  const [hour, minute, second] = [number('hour'), number('minute'), number('second')];
  const [offsetHour, offsetMinute] = [number('offsetHour'), number('offsetMinute')];
  if (hour > 23 || minute > 59 || second > 59) return null;
  // Go allows an offset of 24:60, because some people write it.
  if (offsetHour > 24 || offsetMinute > 60) return null;
  const date = new Date(0);
  date.setUTCFullYear(number('year'), month - 1, day);
  // A day that the month does not have lies in another one.
  if (date.getUTCMonth() !== month - 1) return null;
  const thousandths = Number((parts.fraction ?? '').slice(0, 3).padEnd(3, '0'));
  const wall = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + thousandths;
  // A zone named UTC wins over the offset beside it.
  const offset = parts.zone === 'UTC' ? 0 : (offsetHour * 60 + offsetMinute) * 60_000;
  return parts.sign === '-' ? wall + offset : wall - offset;
}
