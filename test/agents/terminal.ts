import { join } from 'node:path';
import { type Environment, must, run } from '../../scripts/run';

/** How often a screen is looked at. */
const LOOK_MS = 300;

/** A terminal with one program in it, which somebody types into. */
export class Terminal {
  constructor(
    private readonly socket: string,
    private readonly env: Environment,
  ) {}

  /** A tmux server of its own, so that neither the person's terminals nor these are in each other's way. */
  static start(folder: string, command: readonly string[], cwd: string, env: Environment): Terminal {
    const terminal = new Terminal(join(folder, `tmux-${crypto.randomUUID().slice(0, 8)}`), env);
    // The last screen of a program that ended stays to be read.
    must(
      terminal.#tmux(
        '-f',
        '/dev/null',
        'start-server',
        ';',
        'set',
        '-g',
        'remain-on-exit',
        'on',
        ';',
        'new-session',
        '-d',
        '-s',
        'agent',
        '-x',
        '160',
        '-y',
        '50',
        '-c',
        cwd,
        ...command,
      ),
      cwd,
      env,
    );
    return terminal;
  }

  screen(): string {
    return run(this.#tmux('capture-pane', '-p', '-t', 'agent'), '/', this.env).stdout.trimEnd();
  }

  /** Whether the program has ended. */
  isOver(): boolean {
    return run(this.#tmux('list-panes', '-t', 'agent', '-F', '#{pane_dead}'), '/', this.env).stdout.trim() !== '0';
  }

  type(text: string): void {
    must(this.#tmux('send-keys', '-t', 'agent', '-l', text), '/', this.env);
  }

  press(...keys: readonly string[]): void {
    must(this.#tmux('send-keys', '-t', 'agent', ...keys), '/', this.env);
  }

  /** Closes the terminal over the program's head, as the legacy tool does when it stops a session. */
  close(): void {
    run(this.#tmux('kill-server'), '/', this.env);
  }

  #tmux(...args: readonly string[]): string[] {
    return ['tmux', '-S', this.socket, ...args];
  }
}

/** Looks again and again until there is something; null when the time is over. */
export async function until<T>(look: () => T | null, timeoutMs: number): Promise<T | null> {
  for (const end = Date.now() + timeoutMs; ; ) {
    const found = look();
    if (found !== null) return found;
    if (Date.now() > end) return null;
    await Bun.sleep(LOOK_MS);
  }
}
