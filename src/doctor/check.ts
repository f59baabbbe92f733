import type { NoteCode } from '../contracts/notes';
import { Refusal, type RefusalCode, UsageError } from '../contracts/refusals';
import { codeOf } from '../sessions/system-error';

/** One line of `doctor`. `fail`: it is wrong, or would stop a migration; `warn`: worth a look, a migration goes on. */
export interface Check {
  /** What was looked at: `machine`, `old-store`, `plan` … */
  readonly id: string;
  readonly title: string;
  readonly state: 'pass' | 'warn' | 'fail';
  readonly message: string;
  /** What to do; null where nothing is to be done. */
  readonly next: string | null;
  readonly code: RefusalCode | NoteCode | null;
}

type Named = Pick<Check, 'id' | 'title'>;

export function passed({ id, title }: Named, message: string): Check {
  return { id, title, state: 'pass', message, next: null, code: null };
}

export function warned({ id, title }: Named, message: string, next: string, code: Check['code'] = null): Check {
  return { id, title, state: 'warn', message, next, code };
}

export function failed({ id, title }: Named, refusal: Refusal): Check {
  return { id, title, state: 'fail', message: refusal.message, next: refusal.hint, code: refusal.code };
}

/**
 * Carries out one part of the examination. What it cannot do is a line of its own, so that the others are told all the
 * same; `otherwise` is what the others then go on with.
 *
 * @throws UsageError
 */
export async function examined<T>(named: Named, into: Check[], otherwise: T, look: () => T | Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof Refusal) into.push(failed(named, error));
    else {
      const code = codeOf(error) ?? 'an unexpected error';
      const next = 'Run `ao-migrate doctor --bundle FILE` and send the file to whoever supports you.';
      into.push({ ...named, state: 'fail', message: `It could not be looked at (${code}).`, next, code: null });
    }
    return otherwise;
  }
}
