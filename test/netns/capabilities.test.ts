// The table of docs/reference/capabilities.md, row by row: each operation with exactly its capabilities, and without each of them.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { buildAddon } from '../../scripts/build-addon.ts';
import { capabilityRows } from '../support/capability-rows.ts';
import type { Lab } from './support/lab.ts';
import { NIC, startLan } from './support/lan.ts';
import { limitedTo } from './support/rights.ts';

jest.setTimeout(60_000);

let lab: Lab;

beforeEach(async () => {
  lab = await startLan(['pod']);
  await lab.ip('node', `link add mvs-test link ${NIC} address 02:5f:00:00:00:01 type macvlan mode bridge`);
});

afterEach(() => lab.stop());

/** What comes of the operation in a process of root with these capabilities and no others. */
function attempt(operation: string, capabilities: readonly string[]): Promise<string> {
  const limits = [...limitedTo(capabilities.map((name) => `+${name.toLowerCase()}`)), '--no-new-privs'];
  const program = [process.execPath, join(import.meta.dirname, 'support/rights-child.ts'), buildAddon(), operation];
  return lab.exec('node', [...limits, ...program]);
}

describe.each(capabilityRows())('$operation', ({ operation, capabilities }) => {
  test(`takes ${capabilities.join(' and ') || 'no capability'}`, async () => {
    for (const missing of capabilities) {
      const others = capabilities.filter((name) => name !== missing);
      expect(await attempt(operation, others)).toMatch(/^refused/);
    }
    expect(await attempt(operation, capabilities)).toBe('done\n');
  });
});
