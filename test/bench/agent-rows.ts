// The agent's rows of the table: what it takes on a node for having it there.
import { type MemoryResult, measureMemory } from './agent-memory.bench.ts';
import type { Row } from './rows.ts';

/** MiB of working set by the number of pods on the node; between the two that were set, in proportion. */
const TARGETS: ReadonlyMap<number, number> = new Map([
  [0, 20],
  [10, 20.4],
  [50, 22],
  [250, 30],
]);
const REST_PERCENT = 0.1;

/** A row for memory and one for CPU per number of pods. */
export async function agentRows(): Promise<readonly Row[]> {
  return (await measureMemory([...TARGETS.keys()])).flatMap((result) => [memoryRow(result), restRow(result)]);
}

function memoryRow({ pods, workingSetMiB, residentMiB }: MemoryResult): Row {
  const target = TARGETS.get(pods) ?? Number.NaN;
  return {
    work: `agent working set with ${pods} pods on the node`,
    measured: `${workingSetMiB.toFixed(1)} MiB (${residentMiB.toFixed(0)} resident)`,
    floor: '',
    ratio: (workingSetMiB / target).toFixed(2),
    target: `≤ ${target} MiB`,
    met: workingSetMiB <= target,
  };
}

function restRow({ pods, restPercent }: MemoryResult): Row {
  return {
    work: `agent CPU at rest with ${pods} pods on the node`,
    measured: `${restPercent.toFixed(3)} % of a core`,
    floor: '',
    ratio: (restPercent / REST_PERCENT).toFixed(2),
    target: `< ${REST_PERCENT} %`,
    met: restPercent < REST_PERCENT,
  };
}
