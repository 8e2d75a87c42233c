// Warnings in whole turns: they reach the node's state, hold nothing back, and outlive the process that found them out.
import { expect, test } from '@jest/globals';
import type { MacvlanNodeState } from '../../../src/api/v1alpha1/node-state.ts';
import { attachment, nodeEntry, nodeState } from '../../support/builders.ts';
import { FakeNetwork, link, loopback, network } from '../../support/network.ts';
import { until } from '../../support/until.ts';
import { inWorld, isReady, settled, startAgent, type World } from './world.ts';

const VMWARE = () => new FakeNetwork(network({ links: [loopback(), link({ driver: 'vmxnet3' })] }));
const PROBED = attachment({ spec: { macFilterProbe: { type: 'Gateway', gateway: '10.9.0.254' } } });
const reasonsIn = (world: World) => (world.entry()?.problems ?? []).map(({ reason }) => reason);

test('a warning is told beside a node that is ready, with its severity', async () => {
  await inWorld(startAgent({ facts: VMWARE() }), async (world) => {
    world.put(attachment());
    await isReady(world);
    expect(world.entry()).toMatchObject({ incarnation: 'boot-1/2' });
    expect(world.entry()?.problems).toMatchObject([{ reason: 'MacFilteringLikely', severity: 'Warning' }]);
    expect(world.facts.network.links[1]?.altNames).toEqual(['mva-lan']);
  });
});

test('beside something that does not work, the node is not ready for that alone', async () => {
  await inWorld(startAgent({ facts: VMWARE() }), async (world) => {
    world.lacks('macvlan');
    world.put(attachment());
    await until('it failed', () => world.entry()?.phase === 'Failed');
    expect(reasonsIn(world)).toEqual(['CniPluginMissing', 'MacFilteringLikely']);
    expect(world.entry()?.problems?.[0]).not.toHaveProperty('severity');
    world.lacks();
    world.notice();
    await isReady(world);
    expect(reasonsIn(world)).toEqual(['MacFilteringLikely']);
  });
});

/** What an agent before this one has found out, on the NIC with this index in this boot. */
function foundBefore(bootId: string): MacvlanNodeState {
  const entry = nodeEntry({ incarnation: `${bootId}/2`, macFilterProbe: 'Filtered' });
  return nodeState('nas', [entry], { agent: { version: '1.0.0', bootId } });
}

test('what a probe has found stands until the next process has asked for itself', async () => {
  await inWorld(startAgent({ state: foundBefore('boot-1') }), async (world) => {
    world.put(PROBED);
    await isReady(world);
    await settled();
    expect(reasonsIn(world)).toEqual(['MacFilteringSuspected']);
    expect(world.entry()?.macFilterProbe).toBe('Filtered');
    // Nobody wants to know any more.
    world.put({ ...PROBED, metadata: { ...PROBED.metadata, generation: 2 }, spec: attachment().spec });
    await until('it is not told any more', () => world.entry()?.problems === undefined);
    expect(world.entry()).not.toHaveProperty('macFilterProbe');
  });
});

test('what it has found of another device, or in another boot, says nothing', async () => {
  await inWorld(startAgent({ state: foundBefore('boot-0') }), async (world) => {
    world.put(PROBED);
    await isReady(world);
    expect(reasonsIn(world)).toEqual([]);
    expect(world.entry()).not.toHaveProperty('macFilterProbe');
  });
});
