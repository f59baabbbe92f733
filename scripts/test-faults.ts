/**
 * `bun run test:faults`: every accident that can happen at a changing system call of a run, in every scenario of
 * test/faults/scenarios.ts, and prints how many were tried. Some 22,000 points, each a killed or disturbed run and an
 * undisturbed one after it; measured, ten of them in two seconds with one job.
 *
 * Left out, and why: calls outside the home and the folder for temporary files (they change nothing that is kept); errors
 * that a call cannot end with; an error for good of `open` and `write`, which the runtime needs for itself; and, only where a
 * backup has more than a hundred files that are written alike, the errors of all but the first two and the last of them.
 * SIGKILL hits every call, those too.
 *
 * AO_FAULTS_COUNT: so many of each scenario instead of all. AO_FAULTS_SEED: which ones. AO_FAULTS_ONLY: a scenario's name, or a
 * part of several. AO_FAULTS_POINT: this accident alone, as the report of a lost one names it; AO_FAULTS_COUNT is how often.
 * AO_FAULTS_JOBS: scenarios at a time. AO_FAULTS_PROGRAM: another executable. The tests in test/faults have long forms of
 * their own (docs/faults.md).
 * Needs strace and the compiled executable (`bun run build`). Exit code 1 where anything was lost, 2 without strace.
 */
import { openOutput } from '../src/report/writer';
import { SCENARIOS } from '../test/faults/scenarios';
import { findStrace, type Point, pointNamed } from '../test/faults/strace';
import { type Sweep, sweep } from '../test/faults/sweep';

const out = openOutput(1);
const say = (line: string): Promise<void> => out.write(`${line}\n`);

function numberOf(name: string, fallback: number | null): number | null {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is not a whole number: ${text}`);
  return value;
}

/** One accident by its name, as a lost one is told with. */
function pointOf(name: string | undefined): Point | null {
  if (name === undefined || name === '') return null;
  const point = pointNamed(name);
  if (point === null) throw new Error(`AO_FAULTS_POINT is like 'ENOSPC openat 4' or 'EIO+ fsync 2', not ${name}`);
  return point;
}

async function main(): Promise<number> {
  const strace = findStrace();
  if (strace === null) {
    await say('strace is missing, or may not trace here');
    return 2;
  }
  const count = numberOf('AO_FAULTS_COUNT', null);
  const seed = numberOf('AO_FAULTS_SEED', 1) ?? 1;
  const jobs = numberOf('AO_FAULTS_JOBS', 2) ?? 2;
  const only = process.env.AO_FAULTS_ONLY ?? '';
  const program = process.env.AO_FAULTS_PROGRAM;
  const point = pointOf(process.env.AO_FAULTS_POINT);
  const named = SCENARIOS.filter(({ name }) => name === only);
  const wanted = named.length > 0 ? named : SCENARIOS.filter(({ name }) => name.includes(only));
  const done: Sweep[] = [];
  let broken = 0;
  const worker = async (): Promise<void> => {
    for (let next = wanted.shift(); next !== undefined; next = wanted.shift()) {
      const begun = Date.now();
      try {
        const swept = await sweep(next, {
          strace,
          count,
          seed,
          said: (line) => void say(line),
          ...(program === undefined ? {} : { program }),
          ...(point === null ? {} : { point }),
        });
        done.push(swept);
        await say(`${summary(swept)}, ${((Date.now() - begun) / 1000).toFixed(0)} s`);
      } catch (error) {
        broken += 1;
        await say(`${next.name} could not be tried: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  const tried = done.reduce((sum, { verdicts }) => sum + verdicts.length, 0);
  const there = done.reduce((sum, { all }) => sum + all, 0);
  const lost = done.reduce((sum, swept) => sum + lostOf(swept), 0);
  await say(`${tried} of ${there} points tried, ${lost} lost${broken === 0 ? '' : `, ${broken} scenarios not tried`}`);
  return lost + broken === 0 ? 0 : 1;
}

function lostOf({ verdicts }: Sweep): number {
  return verdicts.filter(({ problems }) => problems.length > 0).length;
}

function summary(swept: Sweep): string {
  const ends = new Map<string, number>();
  for (const { ended } of swept.verdicts) ends.set(ended, (ends.get(ended) ?? 0) + 1);
  const list = [...ends].sort().map(([ended, count]) => `${ended}: ${count}`);
  return `${swept.scenario}: ${swept.verdicts.length} of ${swept.all} points, ${lostOf(swept)} lost (${list.join(', ')})`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
process.exitCode = await main();
