/** One step of a pattern: a test for one byte, `*` (no slash), or `**` (any byte; `skip` may leave out the slash behind it). */
type Step =
  | { readonly kind: 'one'; readonly accepts: (byte: string) => boolean }
  | { readonly kind: 'many'; readonly slash: boolean; readonly skip: boolean };

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[\x21-\x7e]/,
  lower: /[a-z]/,
  print: /[\x20-\x7e]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t\n\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** UTF-8 bytes as a string of one character each, because git's patterns match bytes. */
function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (char) => char.toLowerCase());
}

/**
 * Whether the whole text matches the pattern, by git's wildmatch with slashes apart: `*` and `?` and brackets never match
 * one, `**` between slashes or at an end does. Takes time of at most pattern times text, whatever the pattern.
 */
export function matchesGlob(pattern: string, text: string, ignoreCase = false): boolean {
  const steps = compile(bytes(pattern), ignoreCase);
  if (steps === null) return false;
  const subject = ignoreCase ? lower(bytes(text)) : bytes(text);
  let places = new Set<number>();
  arrive(steps, 0, places);
  for (const byte of subject) {
    const next = new Set<number>();
    for (const place of places) {
      const step = steps[place];
      if (step === undefined) continue;
      if (step.kind === 'many') {
        if (step.slash || byte !== '/') stay(steps, place, next);
      } else if (step.accepts(byte)) {
        arrive(steps, place + 1, next);
      }
    }
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(steps.length);
}

/** Adds a place that was just reached, and those behind it that need no byte. */
function arrive(steps: readonly Step[], place: number, into: Set<number>): void {
  const step = steps[place];
  if (step?.kind !== 'many') {
    into.add(place);
    return;
  }
  stay(steps, place, into);
  // A slash can be left out together with its stars only while they have matched nothing.
  if (step.skip) arrive(steps, place + 2, into);
}

/** Adds the place of stars that go on, and the one behind them. */
function stay(steps: readonly Step[], place: number, into: Set<number>): void {
  into.add(place);
  arrive(steps, place + 1, into);
}

function compile(pattern: string, ignoreCase: boolean): readonly Step[] | null {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at] ?? '';
    if (char === '?') {
      steps.push({ kind: 'one', accepts: (byte) => byte !== '/' });
    } else if (char === '*') {
      const start = at;
      while (pattern[at + 1] === '*') at += 1;
      const next = pattern[at + 1];
      const bounded =
        at > start &&
        (start === 0 || pattern[start - 1] === '/') &&
        (next === undefined || next === '/' || (next === '\\' && pattern[at + 2] === '/'));
      const skip = bounded && next === '/';
      // Repeated, it means the same; taken together, no place leads on to more than a few others.
      while (skip && pattern.startsWith('/**/', at + 1)) at += 3;
      steps.push({ kind: 'many', slash: bounded, skip });
    } else if (char === '[') {
      const set = compileSet(pattern, at + 1, ignoreCase);
      if (set === null) return null;
      steps.push({ kind: 'one', accepts: set.accepts });
      at = set.end;
    } else {
      const escaped = char === '\\';
      if (escaped) at += 1;
      const literal = pattern[at];
      if (literal === undefined) return null;
      // As in git, an escaped capital keeps its case and so matches nothing in a folded text.
      const wanted = ignoreCase && !escaped ? lower(literal) : literal;
      steps.push({ kind: 'one', accepts: (byte) => byte === wanted });
    }
  }
  return steps;
}

type Member = (byte: string) => boolean;

/** A bracket expression whose content begins at `start`, and the place of its `]`; null where git finds it malformed. */
function compileSet(
  pattern: string,
  start: number,
  ignoreCase: boolean,
): { readonly accepts: Member; readonly end: number } | null {
  let at = start;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at += 1;
  const members: Member[] = [];
  let previous: string | null = null;
  // A bracket that closes at once is a member.
  for (let first = true; first || pattern[at] !== ']'; first = false, at += 1) {
    const next = pattern[at + 1];
    let char = pattern[at];
    if (char === '\\') {
      at += 1;
      char = pattern[at];
    } else if (char === '-' && previous !== null && next !== undefined && next !== ']') {
      at += next === '\\' ? 2 : 1;
      const last = pattern[at];
      if (last === undefined) return null;
      members.push(range(previous, last, ignoreCase));
      previous = null;
      continue;
    } else if (char === '[' && next === ':') {
      const close = pattern.indexOf(']', at + 2);
      if (close < 0) return null;
      if (close > at + 2 && pattern[close - 1] === ':') {
        const member = named(pattern.slice(at + 2, close - 1), ignoreCase);
        if (member === null) return null;
        members.push(member);
        at = close;
        previous = null;
        continue;
      }
    }
    if (char === undefined) return null;
    const literal = char;
    members.push((byte) => byte === literal);
    previous = literal;
  }
  return { accepts: (byte) => byte !== '/' && members.some((member) => member(byte)) !== negated, end: at };
}

function range(first: string, last: string, ignoreCase: boolean): Member {
  const within = (byte: string) => byte >= first && byte <= last;
  return ignoreCase ? (byte) => within(byte) || (/[a-z]/.test(byte) && within(byte.toUpperCase())) : within;
}

function named(name: string, ignoreCase: boolean): Member | null {
  const members = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (members === undefined) return null;
  return name === 'upper' && ignoreCase ? (byte) => /[A-Za-z]/.test(byte) : (byte) => members.test(byte);
}
