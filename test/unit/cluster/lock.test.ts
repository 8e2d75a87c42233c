// The lock that keeps two builders, or two starts of one cluster, apart.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { withLock } from '../../cluster/lock.ts';
import { isRunning, recordOf } from '../../cluster/pid.ts';

describe('a lock between processes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-lock-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('lets one in after the other, and tells who waits', async () => {
    const path = join(folder, 'busy');
    const order: string[] = [];
    const told: number[] = [];
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const first = withLock(
      path,
      () => gate.then(() => order.push('first')),
      () => {},
    );
    const second = withLock(
      path,
      async () => order.push('second'),
      (pid) => {
        told.push(pid);
        open();
      },
    );
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    expect(told).toEqual([process.pid]);
  });

  test.each([
    ['a holder whose pid now belongs to another process', JSON.stringify({ pid: process.pid, started: '1' })],
    ['a holder that died before it wrote its name', ''],
  ])('is taken over from %s', async (_who, content) => {
    const path = join(folder, 'stale');
    writeFileSync(path, content);
    expect(
      await withLock(
        path,
        async () => 'in',
        () => {},
      ),
    ).toBe('in');
  });

  test('is given back when the work fails', async () => {
    const path = join(folder, 'failed');
    await expect(
      withLock(
        path,
        () => Promise.reject(new Error('no')),
        () => {},
      ),
    ).rejects.toThrow('no');
    expect(
      await withLock(
        path,
        async () => 'in',
        () => {},
      ),
    ).toBe('in');
  });
});

test('a process is known by its pid and its start time', () => {
  const own = recordOf(process.pid);
  expect(own).toBeDefined();
  expect(own && isRunning(own)).toBe(true);
  expect(isRunning({ pid: process.pid, started: '1' })).toBe(false);
  expect(recordOf(0)).toBeUndefined();
});
