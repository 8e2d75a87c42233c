// The lock that keeps two builders, or two starts of one cluster, apart.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { withLock } from '../../cluster/lock.ts';
import { isRunning, recordOf } from '../../cluster/pid.ts';

describe('a lock between processes', () => {
  const name = `test-${process.pid}`;

  test('lets one in after the other, and tells who waits', async () => {
    const path = `${name}-busy`;
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

  test('is free again when its holder was killed', async () => {
    const path = new URL('../../cluster/lock.ts', import.meta.url).pathname;
    const script = `import { withLock } from '${path}';
      await withLock('${name}-killed', () => new Promise(() => setInterval(() => console.log('held'), 20)), () => {});`;
    const argv = ['--input-type=module-typescript', '-e', script];
    const holder = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const told: number[] = [];
    const taken = withLock(
      `${name}-killed`,
      async () => 'in',
      (pid) => {
        told.push(pid);
        holder.kill('SIGKILL');
      },
    );
    expect(await taken).toBe('in');
    expect(told).toEqual([holder.pid]);
  });

  test('is given back when the work fails', async () => {
    const path = `${name}-failed`;
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
