import { decodeConfig } from './config';
import { goTrim } from './go-text';

/**
 * The session prefix that the daemon computes for a project row: the trimmed sessionPrefix of its config, else the first
 * 12 bytes of its id. A config that does not decode counts as none (rewrite-target.md 4.1, migration.md 6.3).
 */
export function daemonPrefix(id: string, config: string | null): string {
  const given = goTrim(decodeConfig(config).config.sessionPrefix);
  return given === '' ? Buffer.from(id, 'utf8').subarray(0, 12).toString('utf8') : given;
}
