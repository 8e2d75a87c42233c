// The shim's rows of the table: somebody deletes it on a node with 100 pods.
import { formatQuantiles, percentile, type Row } from './rows.ts';
import { measureShim } from './shim.bench.ts';

const PODS = 100;
const ROUNDS = 200;

/** Rows for the link and for everything on it. */
export async function shimRows(): Promise<readonly Row[]> {
  const { agent, floor } = await measureShim(PODS, ROUNDS);
  const row = (work: string, part: 'link' | 'all', targetMs: number): Row => {
    const measured = agent.map((sample) => sample[part]);
    const least = floor.map((sample) => sample[part]);
    const ratio = percentile(measured, 0.5) / percentile(least, 0.5);
    return {
      work,
      measured: formatQuantiles(measured),
      floor: formatQuantiles(least),
      ratio: ratio.toFixed(2),
      target: `p50 ≤ ${targetMs} ms`,
      met: percentile(measured, 0.5) <= targetMs,
    };
  };
  return [
    row('shim deleted by someone → link back', 'link', 3),
    row(`shim deleted by someone → address, routes and neighbours of ${PODS} pods back`, 'all', 15),
  ];
}
