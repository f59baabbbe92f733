import * as v from 'valibot';

/** A mapping with at least these keys. valibot's own object schemas accept arrays, and in these files a list is an error. */
export function mapping<T extends v.ObjectEntries>(entries: T) {
  return v.pipe(v.custom<Record<string, unknown>>(isMapping), v.looseObject(entries));
}

/** A mapping from any key to one kind of value. */
export function dictionary<T extends v.GenericSchema>(value: T) {
  return v.pipe(v.custom<Record<string, unknown>>(isMapping), v.record(v.string(), value));
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
