import * as v from 'valibot';

/** A mapping with at least these keys. valibot's own object schemas accept arrays, and in these files a list is an error. */
export function mapping<T extends v.ObjectEntries>(entries: T) {
  return v.pipe(v.custom<Record<string, unknown>>(isMapping), v.looseObject(entries));
}

/**
 * A mapping from any key to one kind of value. valibot's own record leaves out `constructor` and `prototype`, which are
 * names that a project may have (E13).
 */
export function dictionary<T extends v.GenericSchema>(value: T) {
  return v.pipe(
    v.custom<Record<string, unknown>>(isMapping),
    v.rawTransform(({ dataset, addIssue, NEVER }): ReadonlyMap<string, v.InferOutput<T>> => {
      const entries = new Map<string, v.InferOutput<T>>();
      for (const [key, input] of Object.entries(dataset.value)) {
        const parsed = v.safeParse(value, input);
        if (!parsed.success) {
          addIssue({ message: `\`${key}\`: ${parsed.issues[0].message}` });
          return NEVER;
        }
        entries.set(key, parsed.output);
      }
      return entries;
    }),
  );
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
