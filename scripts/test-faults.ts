/**
 * `bun run test:faults`: every accident that can happen at a changing system call of a run, in every scenario of
 * test/faults/scenarios.ts, and prints how many were tried. AO_FAULTS_COUNT: so many of each scenario instead of all.
 * AO_FAULTS_SEED: which ones. AO_FAULTS_ONLY: a part of the scenarios' names. AO_FAULTS_JOBS: scenarios at a time.
 * AO_FAULTS_PROGRAM: another executable. The tests in test/faults have long forms of their own: AO_ROUNDS=1000 (two at once),
 * AO_POWER_CUTS=400, AO_SIGNALS=100, AO_SESSION_FILES=100000.
 * Needs strace and the compiled executable (`bun run build`). Exit code 1 where anything was lost, 2 without strace.
 */
import { openOutput } from '../src/report/writer';
import { SCENARIOS } from '../test/faults/scenarios';
import { findStrace } from '../test/faults/strace';
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
  const wanted = SCENARIOS.filter(({ name }) => name.includes(only));
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

process.exitCode = await main();
