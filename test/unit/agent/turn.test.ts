// Whole turns of the agent on a model of the kernel: announce first, then act, then tell; and the same in reverse.
import { describe, expect, test } from '@jest/globals';
import type { MacvlanNodeState } from '../../../src/api/v1alpha1/node-state.ts';
import type { Change } from '../../../src/domain/net/change.ts';
import { wishOf } from '../../../src/domain/parent/match.ts';
import { SHIM_NOTE } from '../../../src/domain/shim/name.ts';
import { ApiError } from '../../../src/kernel/kube/transport.ts';
import { attachment } from '../../support/builders.ts';
import { address, deleteLink, FakeNetwork, hostRoute, link, loopback, network } from '../../support/network.ts';
import { attachedPod, cachedLink } from '../../support/pods.ts';
import { until } from '../../support/until.ts';
import { inWorld, isReady, settled, startAgent } from './world.ts';

const ROUTED = attachment({ spec: { hostAccess: { type: 'Routed' } } });

describe('a turn', () => {
  test('writes the entry before the first change, and tells the end', async () => {
    await inWorld(startAgent(), async (world) => {
      world.put(ROUTED);
      await isReady(world);
      expect(world.changesBefore[0]).toBe(0);
      expect(world.written[0]?.attachments).toMatchObject([{ name: 'lan', phase: 'Pending', interface: 'eth0' }]);
      expect(world.entry()).toMatchObject({ hostAccess: 'Ready', incarnation: 'boot-1/2', observedGeneration: 1 });
      expect(world.written.at(-1)).toMatchObject({
        agent: { version: '1.2.3', bootId: 'boot-1' },
        shims: [{ parent: 'eth0' }],
      });
      expect(world.facts.network.links.find((l) => l.name === 'eth0')?.altNames).toEqual(['mva-lan']);
    });
  });

  test('changes nothing while the entry cannot be written, and does once it can', async () => {
    await inWorld(startAgent(), async (world) => {
      world.faults.push(...Array.from({ length: 3 }, () => new ApiError('PATCH', { status: 500 })));
      world.put(ROUTED);
      await until('the first try', () => world.faults.length < 3);
      await settled();
      expect(world.facts.done).toEqual([]);
      await until('the entry', () => {
        world.clock.advance(1000);
        return world.written.length > 0;
      });
      await isReady(world);
    });
  });

  test('writes nothing when nothing changed, however often it is woken', async () => {
    await inWorld(startAgent(), async (world) => {
      world.put(ROUTED);
      await isReady(world);
      const { length } = world.written;
      const changes = world.facts.done.length;
      for (let i = 0; i < 5; i++) {
        world.notice();
        await settled();
      }
      expect(world.written).toHaveLength(length);
      expect(world.facts.done).toHaveLength(changes);
    });
  });

  test('makes no object for a node without attachments', async () => {
    await inWorld(startAgent(), async (world) => {
      world.notice();
      await settled();
      expect(world.stores.states.size).toBe(0);
    });
  });

  test('drops the entry only after the last change is undone', async () => {
    await inWorld(startAgent(), async (world) => {
      world.put(ROUTED);
      await isReady(world);
      world.put({ ...ROUTED, status: { phase: 'Draining' } });
      await settled();
      expect(world.entry()?.phase).toBe('Ready');
      world.put({ ...ROUTED, status: { phase: 'Cleaning' } });
      await until('no entry', () => world.entry() === undefined);
      expect(world.facts.network).toEqual(network());
      expect(world.written.at(-1)).toMatchObject({ attachments: [], shims: [] });
    });
  });

  test('keeps the entry as Cleaning while the kernel refuses, and tells why', async () => {
    const facts = new FakeNetwork();
    const world = startAgent({ facts });
    await inWorld(world, async () => {
      world.put(ROUTED);
      await isReady(world);
      const apply = facts.apply.bind(facts);
      facts.apply = async (changes) =>
        changes.map((change) => ({ change, code: 'EPERM', message: 'Operation not permitted' }));
      world.stores.attachments.remove('lan');
      await until('cleaning', () => world.entry()?.phase === 'Cleaning');
      expect(world.entry()?.problems?.[0]).toMatchObject({ reason: 'KernelRefused' });
      facts.apply = apply;
      world.clock.advance(6000);
      await until('no entry', () => world.entry() === undefined);
    });
  });

  test('keeps the entry while the shim alone cannot be deleted, and so does the next agent', async () => {
    const facts = new FakeNetwork();
    const apply = facts.apply.bind(facts);
    const refuse: typeof apply = async (changes) => {
      const isRefused = (change: Change) => change.type === 'DeleteLink';
      const others = await apply(changes.filter((change) => !isRefused(change)));
      const refused = changes.filter(isRefused).map((change) => ({ change, code: 'EBUSY', message: 'busy' }));
      return [...others, ...refused];
    };
    const world = startAgent({ facts });
    await inWorld(world, async () => {
      world.put(ROUTED);
      await isReady(world);
      facts.apply = refuse;
      world.stores.attachments.remove('lan');
      await until('cleaning', () => world.entry()?.phase === 'Cleaning');
      world.clock.advance(6000);
      await settled();
      expect(world.written.at(-1)).toMatchObject({
        attachments: [{ name: 'lan', phase: 'Cleaning', problems: [{ reason: 'KernelRefused' }] }],
        shims: [{ parent: 'eth0', attachments: ['lan'] }],
      });
    });
    const state = world.stores.states.get('nas');
    const next = startAgent({ facts, ...(state === undefined ? {} : { state }) });
    await inWorld(next, async () => {
      await settled();
      expect(next.stores.states.get('nas')?.status?.attachments).toMatchObject([{ name: 'lan', phase: 'Cleaning' }]);
      facts.apply = apply;
      next.clock.advance(6000);
      await until('nothing left', () => next.stores.states.get('nas')?.status?.attachments?.length === 0);
      expect(next.written.at(-1)?.shims).toEqual([]);
    });
  });

  test('keeps the entry while the route to one of its pods cannot be taken off the shim that others share', async () => {
    const facts = new FakeNetwork();
    const apply = facts.apply.bind(facts);
    const world = startAgent({ facts });
    await inWorld(world, async () => {
      world.put(ROUTED);
      world.put({ ...ROUTED, metadata: { ...ROUTED.metadata, name: 'iot', uid: 'uid-iot' } });
      world.links.set('uid-web/net1', cachedLink('web', { ips: ['10.9.0.2'] }));
      world.stores.pods.upsert({ ...attachedPod('web', { ips: ['10.9.0.2'] }) });
      await until('a route', () => facts.network.routes.some(({ destination }) => destination === '10.9.0.2'));
      await until('both', () => world.written.at(-1)?.shims?.[0]?.attachments.length === 2);
      facts.apply = async (changes) => {
        const refused = changes.filter(({ type }) => type === 'RemoveRoute');
        const others = await apply(changes.filter((change) => !refused.includes(change)));
        return [...others, ...refused.map((change) => ({ change, code: 'EPERM', message: 'no' }))];
      };
      world.stores.attachments.remove('lan');
      const entry = () => world.written.at(-1)?.attachments?.find(({ name }) => name === 'lan');
      await until('cleaning', () => entry()?.phase === 'Cleaning');
      for (let i = 0; i < 3; i++) {
        world.clock.advance(6000);
        await settled();
      }
      expect(entry()).toMatchObject({ phase: 'Cleaning', problems: [{ reason: 'KernelRefused' }] });
      expect(world.written.at(-1)?.shims).toMatchObject([{ attachments: ['iot', 'lan'] }]);
      facts.apply = apply;
      world.clock.advance(6000);
      await until('no entry', () => entry() === undefined);
      expect(world.written.at(-1)?.shims).toMatchObject([{ attachments: ['iot'] }]);
    });
  });

  test('takes down what an earlier agent left for an attachment that is gone', async () => {
    const links = [
      loopback(),
      link({ altNames: ['mva-old', 'mva-uplink'] }),
      link({ ifindex: 9, name: 'mvs-old', kind: 'macvlan', lower: 2, note: SHIM_NOTE }),
      link({ ifindex: 10, name: 'mvs-home', kind: 'macvlan', lower: 2 }),
    ];
    const state: MacvlanNodeState = {
      metadata: { name: 'nas' },
      status: {
        attachments: [{ name: 'old', phase: 'Ready' }],
        shims: [{ name: 'mvs-old', mac: '', parent: 'eth0', attachments: ['old'] }],
      },
    };
    await inWorld(startAgent({ facts: new FakeNetwork(network({ links })), state }), async (world) => {
      await until('an empty state', () => world.written.at(-1)?.attachments?.length === 0);
      expect(world.facts.network.links.map((l) => [l.name, l.altNames])).toEqual([
        ['lo', []],
        ['eth0', ['mva-uplink']],
        ['mvs-home', []],
      ]);
    });
  });

  test('remembers the NIC that an earlier agent chose in this boot, and not in another', async () => {
    const links = [loopback(), link({ name: 'renamed' }), link({ ifindex: 3, name: 'eth0' })];
    const rule = attachment({ spec: { parents: [{ interface: { name: 'eth0' } }] } });
    for (const [bootId, expected] of [
      ['boot-1', 'renamed'],
      ['boot-0', 'eth0'],
    ] as const) {
      const state: MacvlanNodeState = {
        metadata: { name: 'nas' },
        status: {
          agent: { version: '1', bootId },
          interfaces: [{ name: 'eth0', ifindex: 2, mac: link().mac, mtu: 1500, state: 'Up' }],
          attachments: [{ name: 'lan', phase: 'Ready', ifindex: 2, wish: wishOf({ name: 'eth0' }) }],
        },
      };
      await inWorld(startAgent({ facts: new FakeNetwork(network({ links })), state }), async (world) => {
        world.put(rule);
        await isReady(world);
        expect(world.entry()?.interface).toBe(expected);
      });
    }
  });

  test('says that a NIC is missing at once, with what was seen, and is ready when it is back', async () => {
    await inWorld(startAgent(), async (world) => {
      world.put(attachment());
      await isReady(world);
      const gone = deleteLink(world.facts.network, 2);
      world.facts.network = typeof gone === 'string' ? world.facts.network : gone;
      world.notice();
      await until('failed', () => world.entry()?.phase === 'Failed');
      expect(world.entry()).toMatchObject({ problems: [{ reason: 'ParentMissing' }] });
      expect(world.entry()?.incarnation).toBeUndefined();
      const links = [loopback(), link({ ifindex: 8 })];
      const routes = network().routes.map((r) => ({ ...r, links: [8] }));
      world.facts.network = network({ links, routes, addresses: [address('10.9.0.1/24', { ifindex: 8 })] });
      world.notice();
      await isReady(world);
      expect(world.entry()?.incarnation).toBe('boot-1/8');
    });
  });

  test('says which plugin is missing, and looks again by itself', async () => {
    await inWorld(startAgent(), async (world) => {
      world.lacks('dhcp');
      world.put(attachment());
      await until('failed', () => world.entry()?.problems?.[0]?.reason === 'CniPluginMissing');
      expect(world.facts.done).toEqual([]);
      world.lacks();
      await until('ready', () => {
        world.clock.advance(11_000);
        return world.entry()?.phase === 'Ready';
      });
    });
  });

  test('host access with a mode that keeps pods apart fails alone: the parent is verified', async () => {
    await inWorld(startAgent(), async (world) => {
      world.put(attachment({ spec: { hostAccess: { type: 'Routed' }, mode: 'private' } }));
      await until('failed', () => world.entry()?.hostAccess === 'Failed');
      await until('verified', () => world.entry()?.incarnation !== undefined);
      expect(world.entry()).toMatchObject({ phase: 'Failed', problems: [{ reason: 'HostAccessModeUnsupported' }] });
      expect(world.facts.network.links).toHaveLength(2);
    });
  });

  test('tells what the kernel refused, and does everything else', async () => {
    await inWorld(startAgent(), async (world) => {
      const taken = link({ ifindex: 7, name: 'foreign0' });
      world.facts.network = network({
        links: [...network().links, taken],
        routes: [...network().routes, hostRoute('10.9.0.2', 7)],
      });
      world.links.set('uid-web/net1', cachedLink('web', { ips: ['10.9.0.2'] }));
      world.stores.pods.upsert(attachedPod('web', { ips: ['10.9.0.2'] }));
      world.clock.advance(300);
      world.put(ROUTED);
      await until('failed', () => world.entry()?.problems?.[0]?.reason === 'KernelRefused');
      expect(world.entry()?.problems?.[0]?.message).toContain('adding the route to 10.9.0.2/32');
      expect(world.entry()).toMatchObject({ phase: 'Failed', hostAccess: 'Failed', incarnation: 'boot-1/2' });
      expect(world.facts.network.neighbours).toMatchObject([{ address: '10.9.0.2' }]);
      expect(world.facts.network.routes.filter((r) => r.prefixLength === 32)).toMatchObject([{ links: [7] }]);
      world.facts.network = { ...world.facts.network, routes: network().routes };
      await world.clock.advance(6000);
      await isReady(world);
    });
  });

  test('makes the object again when somebody deletes it', async () => {
    await inWorld(startAgent(), async (world) => {
      world.put(ROUTED);
      await isReady(world);
      world.stores.states.remove('nas');
      await until('a new object', () => world.stores.states.get('nas')?.status?.attachments?.[0]?.phase === 'Ready');
    });
  });

  test('does nothing without the node object: its labels decide', async () => {
    const world = startAgent();
    await inWorld(world, async () => {
      world.stores.nodes.remove('nas');
      world.put(ROUTED);
      await settled();
      expect(world.facts.done).toEqual([]);
      expect(world.written).toEqual([]);
    });
  });
});

describe('a kernel that does not keep what it accepted', () => {
  test('is not asked hot: the agent waits, although each change is an event', async () => {
    await inWorld(startAgent(), async (world) => {
      let asked = 0;
      world.facts.apply = async (changes) => {
        asked += changes.length;
        queueMicrotask(() => world.notice());
        return [];
      };
      world.put(attachment());
      await until('the first turn', () => asked > 0);
      await settled();
      const { length } = world.written;
      expect(asked).toBeLessThan(20);
      await world.clock.advance(300);
      await settled();
      expect(asked).toBeLessThan(40);
      expect(world.written.length - length).toBeLessThan(3);
      expect(world.entry()?.phase).toBe('Pending');
    });
  });
});

describe('a shim that somebody keeps deleting', () => {
  test('is put back at once a few times, then after a pause, and told', async () => {
    await inWorld(startAgent(), async (world) => {
      world.put(ROUTED);
      await isReady(world);
      const shim = () => world.facts.network.links.find((l) => l.kind === 'macvlan');
      const drop = () => {
        const after = deleteLink(world.facts.network, shim()?.ifindex ?? 0);
        if (typeof after !== 'string') world.facts.network = after;
        world.notice();
      };
      for (let i = 0; i < 13; i++) {
        drop();
        await until('the shim is back', () => shim()?.isUp);
      }
      await until('told', () => world.entry()?.problems?.some((problem) => problem.reason === 'ShimContested'));
      await settled();
      drop();
      await settled();
      expect(shim()).toBeUndefined();
      world.clock.advance(1100);
      await until('the shim is back', () => shim()?.isUp);
      world.clock.advance(40_000);
      await isReady(world);
    });
  });
});
