// Random tests that can be told again: the seed is printed, and taken from the environment.
import type { Parameters } from 'fast-check';

/**
 * Parameters for a property. FC_SEED=n repeats a run, FC_RUNS=n makes it longer or shorter.
 * @param runs how often when nothing is said
 */
export function seeded<T>(what: string, runs: number): Parameters<T> {
  const seed = Number(process.env['FC_SEED'] ?? Date.now() % 0x7fffffff);
  const numRuns = Number(process.env['FC_RUNS'] ?? runs);
  process.stderr.write(`${what}: FC_SEED=${seed} FC_RUNS=${numRuns}\n`);
  return { seed, numRuns };
}
