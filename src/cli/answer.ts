import type { ExitCode } from '../contracts/outcome';

/** What a command has to say and how it ended. Only `main.ts` writes it and sets the exit code. */
export interface Answer {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}
