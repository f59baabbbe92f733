import { existsSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const AGENTS = ['claude', 'codex', 'opencode'];

/**
 * PATH of this machine without the agents, whose versions would be on a screen that is compared with a recorded one.
 *
 * @param work where folders of links are made in place of those that hold an agent among other programs
 */
export function agentlessPath(work: string): string {
  const agentless = (folder: string): string => {
    if (folder === '' || !AGENTS.some((name) => existsSync(join(folder, name)))) return folder;
    const links = mkdtempSync(join(work, 'path-'));
    for (const name of readdirSync(folder)) {
      if (!AGENTS.includes(name)) symlinkSync(join(folder, name), join(links, name));
    }
    return links;
  };
  return (process.env.PATH ?? '').split(delimiter).map(agentless).join(delimiter);
}
