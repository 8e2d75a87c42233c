// The agent's word to the cluster while the API server refuses it: said again after a pause, and not spared the pause by turns.
import { expect, test } from '@jest/globals';
import { Reporter } from '../../../src/agent/reporter.ts';
import type { MacvlanNodeStateStatus } from '../../../src/api/v1alpha1/node-state.ts';
import { ApiError } from '../../../src/kernel/kube/transport.ts';
import { attachment, nodeEntry } from '../../support/builders.ts';
import { until } from '../../support/until.ts';
import { inWorld, isReady, NODE, settled, startAgent } from './world.ts';

const statusOf = (name: string): MacvlanNodeStateStatus => ({ attachments: [nodeEntry({ name })] });

test('after a write that failed, what is wanted is replaced without asking for another', async () => {
  const said: unknown[] = [];
  let isAway = true;
  const reporter = new Reporter({
    client: {
      create: async (_kind, object) => object,
      async apply<T>(_kind: unknown, object: object): Promise<T> {
        if (isAway) throw new ApiError('PATCH', { status: 500 });
        said.push(object);
        return object as T;
      },
    },
    onWritten: () => {},
  });
  const { signal } = new AbortController();
  expect(reporter.publish(NODE, statusOf('a'))).toBe(true);
  await expect(reporter.write(signal)).rejects.toThrow('PATCH');
  expect(reporter.publish(NODE, statusOf('b'))).toBe(false);
  isAway = false;
  await reporter.write(signal);
  expect(said).toMatchObject([{ status: statusOf('b') }]);
  expect(reporter.publish(NODE, statusOf('b'))).toBe(false);
  expect(reporter.publish(NODE, statusOf('c'))).toBe(true);
});

test('many turns while the API server is away make no more requests than the pauses allow, and the pauses end', async () => {
  await inWorld(startAgent(), async (world) => {
    world.put(attachment());
    await isReady(world);
    const faults = 200;
    world.faults.push(...Array.from({ length: faults }, () => new ApiError('PATCH', { status: 500 })));
    const asked = () => faults - world.faults.length;
    world.put(attachment({ metadata: { generation: 2 } }));
    await until('the first try', () => asked() > 0);
    for (let i = 0; i < 10; i++) {
      world.put(attachment({ metadata: { generation: 3 + i } }));
      await settled();
    }
    expect(asked()).toBeLessThan(5);
    for (let i = 0; i < 30; i++) {
      world.clock.advance(31_000);
      await settled();
    }
    expect(asked()).toBeGreaterThanOrEqual(25);
    world.faults.length = 0;
    await until('told', () => {
      world.clock.advance(31_000);
      return world.entry()?.observedGeneration === 12;
    });
  });
});
