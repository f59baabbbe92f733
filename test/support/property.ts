import type { Parameters } from 'fast-check';

/**
 * Seed and number of runs of property tests: few and always the same by default, more and others by AO_TEST_SEED and
 * AO_TEST_COUNT. A failure prints the seed to give.
 */
export function runs(count = 300): Parameters<unknown> {
  return { seed: Number(process.env.AO_TEST_SEED ?? 20261121), numRuns: Number(process.env.AO_TEST_COUNT ?? count) };
}
