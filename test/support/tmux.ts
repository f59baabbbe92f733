import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { agentlessPath } from './agentless-path';
import { COMMON_FOLDER, type Home } from './home';

/** tmux is there: tests in a real terminal are skipped without it. */
export const TMUX = Bun.which('tmux');

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Keep colours and other attributes as escape sequences. */
  readonly styled?: boolean;
  /**
   * Each is sent once its text stands on the screen: keys, as tmux names them, or a signal to the program; or the terminal
   * is closed, after which there is no screen.
   */
  readonly answers?: readonly ({ readonly when: string } & (
    | { readonly keys: readonly string[] }
    | { readonly signal: NodeJS.Signals }
    | { readonly closes: true }
  ))[];
  /** The screen is taken once this text stands on it; without it, when the program has ended. */
  readonly until?: string;
}

/** What stands on the screen, and how the program ended. */
export interface Shown {
  readonly screen: string;
  /** Null where it has not ended. */
  readonly exitCode: number | null;
}

const PATIENCE_MS = 120_000;
/** Stands on the screen behind everything that the program wrote. */
const ENDED = '<ended>';

/** Runs a program in a real terminal, with this home and nothing else of the environment. */
export async function inTerminal(
  command: readonly string[],
  home: Home,
  options: TerminalOptions = {},
): Promise<Shown> {
  const folder = mkdtempSync(join(COMMON_FOLDER, 'ao-migrate-tmux-'));
  const base = {
    HOME: home.path,
    PATH: agentlessPath(folder),
    // tmux of this test must not count as a terminal of a legacy agent.
    TMUX_TMPDIR: home.path,
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
  };
  const tmux = (...args: readonly string[]): string => {
    const done = Bun.spawnSync([TMUX ?? 'tmux', '-S', join(folder, 's'), '-f', '/dev/null', ...args], {
      env: { ...base, TERM: 'xterm-256color', LANG: 'C.UTF-8' },
      cwd: home.path,
    });
    return done.stdout.toString();
  };
  const set = Object.entries({ ...base, ...options.env }).map(([name, value]) => `${name}=${value}`);
  const status = join(folder, 'status');
  // tmux now and then loses the status of a program that ended at once, so a shell around it keeps it.
  const pid = join(folder, 'pid');
  const script = `trap : INT HUP; sh -c 'echo $$ > "$0"; exec "$@"' '${pid}' "$@"; echo $? > '${status}'; echo '${ENDED}' && trap - HUP && sleep 600`;
  const words = ['sh', '-c', script, 'sh', 'env', '-i', ...set, ...command];
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const size = ['-x', String(options.columns ?? 80), '-y', String(options.rows ?? 120)];
  try {
    tmux('new-session', '-d', ...size, quoted);
    const capture = (): string => tmux('capture-pane', '-p', ...(options.styled === true ? ['-e'] : []));
    const ended = (): number | null => {
      const text = existsSync(status) ? readFileSync(status, 'utf8') : '';
      return text.endsWith('\n') ? Number(text) : null;
    };
    const until = async (isSo: () => boolean): Promise<void> => {
      for (const limit = Date.now() + PATIENCE_MS; !isSo() && Date.now() < limit; ) await Bun.sleep(20);
    };
    for (const answer of options.answers ?? []) {
      // Where nothing is asked, the end comes first.
      await until(() => capture().includes(answer.when) || ended() !== null);
      if (!capture().includes(answer.when)) continue;
      if ('keys' in answer) tmux('send-keys', ...answer.keys);
      else if ('closes' in answer) {
        tmux('kill-server');
        await until(() => ended() !== null);
        return { screen: '', exitCode: ended() };
      } else process.kill(Number(readFileSync(pid, 'utf8')), answer.signal);
    }
    const wanted = options.until;
    await until(() => capture().includes(wanted ?? ENDED));
    const screen = capture().replace(ENDED, '').trimEnd();
    return { screen: `${screen}\n`, exitCode: ended() };
  } finally {
    tmux('kill-server');
    rmSync(folder, { recursive: true, force: true });
  }
}
