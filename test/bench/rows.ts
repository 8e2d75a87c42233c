// What a measurement is: a row of the table with its target, and how rows are computed and printed.

export interface Row {
  readonly work: string;
  readonly measured: string;
  /** What the same machine needs for the same in the same run, without the operator. */
  readonly floor: string;
  /** measured / floor. */
  readonly ratio: string;
  readonly target: string;
  readonly met: boolean;
}

/** Value below which the fraction `p` of the samples lies; samples in any order, at least one. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

export function formatQuantiles(samples: readonly number[]): string {
  return `p50 ${percentile(samples, 0.5).toFixed(1)} ms, p99 ${percentile(samples, 0.99).toFixed(1)} ms`;
}

export function table(rows: readonly Row[]): string {
  const head = ['work', 'measured', 'floor (same run)', 'ratio', 'target', ''];
  const body = rows.map((row) => [
    row.work,
    row.measured,
    row.floor,
    row.ratio,
    row.target,
    row.met ? 'met' : 'MISSED',
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((cells) => (cells[column] ?? '').length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n');
}

/** Runs `work` on every item with at most `width` under way; the order of starts is the order of items. */
export async function inFlight<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < items.length; index = next++) await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
