/** Reads and drafts the store of a home in a process of its own; prints how it ended and the memory that it took. */
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
process.stdout.write(
  JSON.stringify({ ended, milliseconds, megabytes: Math.round(process.resourceUsage().maxRSS / 1024) }),
);
