// Who is named when a shim is contested.
import { describe, expect, test } from '@jest/globals';
import { describeCulprits, withCulprit } from '../../../../src/domain/shim/culprit.ts';

describe('culprits', () => {
  test('are named once each, and the first few of many', () => {
    let culprits = withCulprit([], { port: 10, at: 1 });
    culprits = withCulprit(culprits, { port: 10, at: 2 });
    expect(culprits).toEqual([{ port: 10, at: 1 }]);
    for (let port = 11; port < 100; port++) culprits = withCulprit(culprits, { port, at: port });
    expect(culprits.map(({ port }) => port)).toEqual([10, 11, 12]);
  });

  test.each([
    ['nobody', [], ''],
    ['a process', [1234], 'The kernel names the process 1234 (see ps -p'],
    ['several processes', [1234, 77], 'The kernel names the processes 1234, 77 (see ps -p'],
    [
      'a socket whose port is no process',
      [4_194_304],
      'The kernel names the netlink port 4194304 (see ss -f netlink -p',
    ],
    ['a process rather than a port', [3_000_000_000, 5], 'The kernel names the process 5 (see ps -p'],
  ])('are told: %s', (_name, ports, text) => {
    expect(describeCulprits(ports).startsWith(text)).toBe(true);
    expect(describeCulprits(ports) === '').toBe(text === '');
  });
});
