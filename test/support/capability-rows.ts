// The table of operations in docs/reference/capabilities.md, for the tests that hold it.
import { readFileSync } from 'node:fs';

export interface CapabilityRow {
  readonly operation: string;
  readonly capabilities: readonly string[];
  readonly while: string;
}

/** The rows of the first table, in their order. */
export function capabilityRows(): readonly CapabilityRow[] {
  const [page = ''] = readFileSync('docs/reference/capabilities.md', 'utf8').split('\n## ');
  const [, , ...rows] = [...page.matchAll(/^\| (.+) \|$/gm)].map(([, row = '']) => row.split(' | '));
  return rows.map(([operation = '', capabilities = '', when = '']) => ({
    operation,
    capabilities: capabilities === 'none' ? [] : capabilities.split(', '),
    while: when,
  }));
}
