/** Reads and drafts the store of a home in a process of its own; prints how it ended and the memory that it took. */
import { readFileSync } from 'node:fs';
import { Refusal } from '../../src/contracts/refusals';
import { draftAt } from './store';

const [home = ''] = process.argv.slice(2);
const start = performance.now();
let ended: string;
try {
  const { draft } = draftAt(home);
  ended = `${draft.projects.length} projects, ${draft.orchestrators.length} orchestrators`;
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  ended = `${error.code}: ${error.message}`;
}
const milliseconds = Math.round(performance.now() - start);

/** The most memory that was in use. What the system calls the maximum may be that of the parent before the start. */
function peakKilobytes(): number {
  try {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  } catch {
    return process.memoryUsage().rss / 1024;
  }
}
process.stdout.write(JSON.stringify({ ended, milliseconds, megabytes: Math.round(peakKilobytes() / 1024) }));
