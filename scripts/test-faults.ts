import { SCENARIOS } from '../test/faults/scenarios';
import { findStrace } from '../test/faults/strace';
import { sweep } from '../test/faults/sweep';

const strace = findStrace();
if (strace === null) throw new Error('strace');
const only = process.env.ONLY;
const filter = process.env.KIND;
const count = Number(process.env.COUNT ?? 0);
const program = process.env.PROGRAM;
for (const each of SCENARIOS) {
  if (only !== undefined && !each.name.includes(only)) continue;
  const t = Date.now();
  try {
    const done = await sweep(each, {
      strace,
      ...(program === undefined ? {} : { program }),
      said: (l) => process.stdout.write(l + '\n'),
      pick: (ps) => {
        let p = ps.filter((x) => filter === undefined || filter.split(',').includes(x.fault));
        if (count > 0) {
          const step = Math.max(1, p.length / count);
          p = Array.from({ length: Math.min(count, p.length) }, (_, i) => p[Math.floor(i * step)]!);
        }
        return p;
      },
    });
    const ends: Record<string, number> = {};
    for (const v of done.verdicts) ends[v.ended] = (ends[v.ended] ?? 0) + 1;
    process.stdout.write(
      `== ${each.name}: ${done.verdicts.length} of ${done.all}, lost ${done.verdicts.filter((v) => v.problems.length > 0).length}, ${JSON.stringify(ends)}, ${((Date.now() - t) / 1000).toFixed(0)} s\n`,
    );
  } catch (e) {
    process.stdout.write(`== ${each.name}: ${e}\n`);
  }
}
