// A NIC stays the parent once it was verified, and for the wish by which it was chosen; before that, each turn chooses afresh.
import { describe, expect, test } from '@jest/globals';
import { choiceKeyOf, choicesIn } from '../../../src/agent/choices.ts';
import type { ParentRule } from '../../../src/api/v1alpha1/attachment.ts';
import type { MacvlanNodeState } from '../../../src/api/v1alpha1/node-state.ts';
import { wishOf } from '../../../src/domain/parent/match.ts';
import { attachment } from '../../support/builders.ts';
import { FakeNetwork, link, loopback, network } from '../../support/network.ts';
import { until } from '../../support/until.ts';
import { inWorld, NODE, settled, startAgent, type World } from './world.ts';

/** eth1 for nodes in the cellar, eth0 for all others. */
const BY_LABEL: readonly ParentRule[] = [
  { nodeSelector: { place: 'cellar' }, interface: { name: 'eth1' } },
  { interface: { name: 'eth0' } },
];

function moveTo(world: World, place: string): void {
  const { metadata } = NODE;
  const labels = { ...metadata.labels, place };
  world.stores.nodes.upsert({ metadata: { ...metadata, resourceVersion: `moved to ${place}`, labels } });
}

const aliasIsOn = (world: World) => world.facts.network.links.find((l) => l.altNames.includes('mva-lan'))?.name;
const isReadyOn = (world: World, nic: string) =>
  until(`ready on ${nic}`, () => world.entry()?.phase === 'Ready' && world.entry()?.interface === nic);

describe('a changed wish', () => {
  test('takes the alias off for good, although the report of it has not been written yet', async () => {
    await inWorld(startAgent(), async (world) => {
      world.put(attachment({ spec: { parents: BY_LABEL } }));
      await isReadyOn(world, 'eth0');
      world.faults.push(...Array.from({ length: 50 }, () => new Error('the API server is away')));
      moveTo(world, 'cellar');
      await until('the alias goes', () => aliasIsOn(world) === undefined);
      for (let i = 0; i < 3; i++) {
        world.notice();
        await settled();
        expect(aliasIsOn(world)).toBeUndefined();
      }
      world.faults.length = 0;
      await until('told', () => {
        world.clock.advance(1000);
        return world.entry()?.problems?.[0]?.reason === 'ParentMissing';
      });
    });
  });

  test('counts also when it changed while no agent was running', async () => {
    const links = [loopback(), link({ altNames: ['mva-lan'] }), link({ ifindex: 3 })];
    const state: MacvlanNodeState = {
      metadata: { name: 'nas' },
      status: {
        agent: { version: '1', bootId: 'boot-1' },
        interfaces: [{ name: 'eth0', ifindex: 2, mac: link().mac, mtu: 1500, state: 'Up' }],
        attachments: [
          { name: 'lan', phase: 'Ready', ifindex: 2, observedGeneration: 1, wish: wishOf({ name: 'eth0' }) },
        ],
      },
    };
    await inWorld(startAgent({ facts: new FakeNetwork(network({ links })), state, place: 'cellar' }), async (world) => {
      world.put(attachment({ spec: { parents: BY_LABEL } }));
      await isReadyOn(world, 'eth1');
      expect(aliasIsOn(world)).toBe('eth1');
    });
  });
});

describe('a NIC that was never verified', () => {
  const early = network({ links: [loopback(), link({ isUp: false, hasCarrier: false })] });
  const BY_NAME = attachment({ spec: { parents: [{ interface: { name: 'eth0' } }] } });

  test('does not stay the parent when it only passed by under the name', async () => {
    await inWorld(startAgent({ facts: new FakeNetwork(early) }), async (world) => {
      world.put(BY_NAME);
      await until('seen', () => world.entry()?.problems?.[0]?.reason === 'ParentDown');
      expect(world.entry()?.wish).toBeUndefined();
      world.facts.network = network({ links: [loopback(), link({ name: 'wan' }), link({ ifindex: 3, name: 'eth0' })] });
      world.notice();
      await isReadyOn(world, 'eth0');
      expect(world.entry()?.ifindex).toBe(3);
    });
  });

  test('is not taken over by the next agent either', async () => {
    const state: MacvlanNodeState = {
      metadata: { name: 'nas' },
      status: {
        agent: { version: '1', bootId: 'boot-1' },
        interfaces: [{ name: 'eth0', ifindex: 2, mac: link().mac, mtu: 1500, state: 'Down' }],
        attachments: [{ name: 'lan', phase: 'Failed', ifindex: 2, interface: 'eth0', observedGeneration: 1 }],
      },
    };
    const later = network({ links: [loopback(), link({ name: 'wan' }), link({ ifindex: 3, name: 'eth0' })] });
    await inWorld(startAgent({ facts: new FakeNetwork(later), state }), async (world) => {
      world.put(BY_NAME);
      await isReadyOn(world, 'eth0');
      expect(world.entry()?.ifindex).toBe(3);
    });
  });
});

test('an attachment that was made anew under its name does not get the NIC of its predecessor', () => {
  const wish = wishOf({ name: 'eth0' });
  const said = (uid: string): MacvlanNodeState => ({
    metadata: { name: 'nas' },
    status: {
      agent: { version: '1', bootId: 'boot-1' },
      attachments: [{ name: 'lan', uid, phase: 'Ready', ifindex: 2, observedGeneration: 1, wish }],
    },
  });
  const key = choiceKeyOf({ name: 'lan', uid: 'new' });
  expect(choicesIn(said('new'), 'boot-1').get(key)).toMatchObject({ ifindex: 2, wish });
  expect(choicesIn(said('old'), 'boot-1').get(key)).toBeUndefined();
});
