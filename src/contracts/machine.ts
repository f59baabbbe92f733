/** What a run may know of the machine it is on. Passed in from `main.ts`, so that a test can be any machine. */
export interface Machine {
  readonly platform: 'linux' | 'darwin' | 'win32';
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The daemon's own rule: `$HOME` on Unix without a passwd fallback, `%USERPROFILE%` on Windows; null if unset or empty. */
  readonly home: string | null;
  /** The legacy tool's rule, which falls back to the passwd entry (legacy-store.md 1.1). */
  readonly legacyHome: string | null;
  /** Effective user id; null where the system has none (Windows). */
  readonly uid: number | null;
  readonly pid: number;
  readonly tempDir: string;
  now(): Date;
  /** `bytes` random bytes as lower-case hex. */
  randomHex(bytes: number): string;
}
