/**
 * The inside of a box: `bun test/agents/box.ts RELEASE FOLDER AGENT EXECUTABLE` runs one case where there is no network but
 * loopback, and writes its outcome to `outcome.json` in the folder. Started by scripts/test-agents.ts in namespaces of
 * its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../../scripts/run';
import { type Outcome, runCase } from './case';
import { startModel } from './model';
import { nameOf, RELEASES } from './releases';
import { World } from './world';

const [name, folder, agentFolder, executable] = process.argv.slice(2);
const release = RELEASES.find((each) => nameOf(each) === name);
if (release === undefined || folder === undefined || agentFolder === undefined || executable === undefined) {
  throw new Error('box.ts RELEASE FOLDER AGENT EXECUTABLE');
}

must(['ip', 'link', 'set', 'lo', 'up'], '/', process.env);
mkdirSync(folder, { recursive: true });
const model = startModel(join(folder, 'requests.jsonl'));
let outcome: Outcome;
try {
  outcome = await runCase(release, new World(folder, model.url, agentFolder, process.env.PATH ?? ''), executable);
} catch (error) {
  outcome = { steps: {}, problem: `the test itself failed: ${error instanceof Error ? error.stack : String(error)}` };
}
writeFileSync(join(folder, 'outcome.json'), JSON.stringify(outcome));
await model.stop();
// Whatever an agent left running dies with the namespace, of which this process is the first.
process.exit(0);
