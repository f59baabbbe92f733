import { MigrationError } from '../../src/rewrite/migration';

/** The message of the `MigrationError` that the work throws. Any other error is passed on. */
export function migrationProblem(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof MigrationError) return error.message;
    throw error;
  }
  return 'no error';
}
