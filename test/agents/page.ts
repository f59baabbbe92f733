import { type Outcome, STEPS } from './case';
import type { Release } from './releases';

export interface Tried {
  readonly release: Release;
  readonly outcome: Outcome;
}

export interface Occasion {
  /** `2026-11-21`. */
  readonly day: string;
  readonly machine: string;
  readonly commit: string;
  readonly bun: string;
}

const NAMES: Readonly<Record<Release['harness'], string>> = {
  'claude-code': 'Claude Code',
  codex: 'Codex',
  opencode: 'OpenCode',
};

/** docs/agents.md. Written by a run, so that nothing stands there that did not happen. */
export function agentsPage(tried: readonly Tried[], { day, machine, commit, bun }: Occasion): string {
  const rows = tried.map(({ release, outcome }) => row(release, outcome));
  const failures = tried.flatMap(({ release, outcome }) =>
    outcome.problem === null
      ? []
      : [`- ${NAMES[release.harness]} ${release.version}: ${outcome.problem.split('\n', 1)[0]}`],
  );
  const reasons = tried.map(({ release }) => `- ${NAMES[release.harness]} ${release.version}: ${release.why}`);
  return `# Conversations with the real agents

Written by \`bun run test:agents\` on ${day}, at ${commit}, with Bun ${bun} on ${machine}.
The releases are those that npm has, unchanged, run without any network but loopback.

| agent | version | ${STEPS.join(' | ')} |
|---|---|${STEPS.map(() => '---').join('|')}|
${rows.join('\n')}
${failures.length === 0 ? '' : `\nWhat went wrong:\n\n${failures.join('\n')}\n`}
## What was done with each

1. **made**: a home of its own, a git repository, and in it the worktree of a legacy orchestrator on its own branch.
   There the agent is started in a terminal. It is told a codeword; then it runs \`pwd\` through its own tool. The
   terminal is closed over its head, as the legacy tool does it. The store of a stopped orchestrator is written, whose
   record holds the conversation's id.
2. **migrated**: the compiled executable runs with \`--yes\`. The row must have the conversation's id (Claude Code keeps
   it, the others get a new one) and the resume marker, and \`ao-migrate verify\` must agree. No file of the agents, of
   the old store or of the repository may have changed.
3. **resumed**: the worktree is made as the daemon makes it, at the path and on the branch of the row. The daemon's own
   command line is started there. It must come to its input without a question.
4. **codeword**: the first request of the first turn after the resume must hold the word.
5. **directory**: the agent runs \`pwd\` again, which must name the new worktree.
6. **old gone**: the old worktree is removed, and the session resumed once more: same codeword, same directory. Claude
   Code is besides resumed with \`-p\`.
7. **original**: after all that the conversation in the old place must be what it was: its files byte for byte with mode and
   time, or for OpenCode each of its rows. A second migration must find everything done.

Releases of OpenCode before 1.2 keep sessions as files, below the repository to which a folder belongs. For them the
import runs in a folder that stands in for the new worktree; older ones than 1.0.98 were never tried and are refused
with \`HARNESS_VERSION\`: the project goes in, the conversation with a later run.

## The command lines

| agent | command |
|---|---|
| Claude Code | \`claude --permission-mode acceptEdits --append-system-prompt TEXT --resume ID\` |
| Codex | \`codex resume -c check_for_update_on_startup=false -c notice.hide_rate_limit_model_nudge=true --dangerously-bypass-hook-trust -c HOOKS --dangerously-bypass-approvals-and-sandbox -c TRUST ID\` |
| OpenCode | \`opencode --session ID\` |

Releases of Codex that do not know \`--dangerously-bypass-hook-trust\` end with a usage error whatever they should resume;
for them the flag and the hooks are left out. That is all before 0.131, and \`ao-migrate\` says so in a note.

## Why these releases

Of each agent the newest one that was measured when this was written, one of November 2025, and what behaves unlike both.

${reasons.join('\n')}

## To repeat it

\`\`\`sh
bun run test:agents                     # all, some 20 minutes; writes this page
bun run test:agents codex opencode@1.18.33
bun run test:agents --keep claude-code  # leaves homes, screens and requests to be looked at
\`\`\`

Linux with npm, git, node, tmux, \`unshare\` and \`ip\`. The releases, some 4 GB, are installed once, into
\`$XDG_CACHE_HOME/ao-migrate/agents\` (by default below \`~/.cache\`). Each is then run in a box of its own (\`unshare\`: no
network, own process numbers), against a model in \`test/agents/model.ts\` that writes down what it is asked and answers
with a fixed sentence or a call of the agent's shell. It is not part of \`bun run check\`. New releases are added in
\`test/agents/releases.ts\`.
`;
}

function row({ harness, version }: Release, { steps, problem }: Outcome): string {
  const failedAt = problem === null ? -1 : STEPS.findIndex((step) => steps[step] === undefined);
  const cells = STEPS.map((step, index) => (index === failedAt ? '**failed**' : (steps[step] ?? '–')));
  return `| ${[NAMES[harness], version, ...cells].join(' | ')} |`;
}
