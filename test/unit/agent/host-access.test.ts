// To which pods the node sends its own traffic: to links that are proven, whatever anybody writes on a pod.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { attachment } from '../../support/builders.ts';
import { address, FakeNetwork, link, loopback, network } from '../../support/network.ts';
import { attachedPod, cachedLink } from '../../support/pods.ts';
import { until } from '../../support/until.ts';
import { inWorld, isReady, settled, startAgent, type World } from './world.ts';

const ROUTED = attachment({ spec: { hostAccess: { type: 'Routed' } } });
const ROUTER = '10.9.0.254';

let world: World;

beforeEach(() => {
  const facts = new FakeNetwork();
  facts.network = { ...facts.network, routes: facts.network.routes.map((r) => ({ ...r, gateways: [ROUTER] })) };
  world = startAgent({ facts });
});

const routed = () => world.facts.network.routes.filter((r) => r.prefixLength === 32).map((r) => r.destination);
const known = () => world.facts.network.neighbours.map((n) => n.address);
const problem = (reason: string) => world.entry()?.problems?.find((found) => found.reason === reason);

function attach(name: string, init: Parameters<typeof cachedLink>[1]): void {
  world.links.set(`uid-${name}/net1`, cachedLink(name, init));
  world.stores.pods.upsert(attachedPod(name, init));
}

async function look(): Promise<void> {
  world.clock.advance(300);
  await settled();
}

describe('the node reaches', () => {
  test('no address that is only written on a pod, and says so without failing for the others', async () => {
    await inWorld(world, async () => {
      world.put(ROUTED);
      await isReady(world);
      world.stores.pods.upsert(attachedPod('evil', { ips: ['10.9.0.7'], mac: '02:ee:00:00:00:01' }));
      attach('web', { ips: ['10.9.0.2'] });
      await look();
      await until('a route', () => routed().length > 0);
      await until('told', () => problem('PodLinkUnproven')?.message.includes('home/evil'));
      expect(routed()).toEqual(['10.9.0.2']);
      expect(known()).toEqual(['10.9.0.2']);
      expect(world.entry()).toMatchObject({ phase: 'Ready', hostAccess: 'Ready' });
    });
  });

  test('a pod at what the plugins gave it, whatever is written on it', async () => {
    await inWorld(world, async () => {
      world.put(ROUTED);
      world.links.set('uid-web/net1', cachedLink('web', { ips: ['10.9.0.2'] }));
      world.stores.pods.upsert(attachedPod('web', { ips: ['10.9.0.9'], mac: '02:ee:00:00:00:01' }));
      await look();
      await until('a route', () => routed().length > 0);
      expect(routed()).toEqual(['10.9.0.2']);
      expect(world.facts.network.neighbours).toMatchObject([{ mac: '02:aa:00:00:00:02' }]);
    });
  });

  test.each([
    ['its own address', '10.9.0.1'],
    ['the address of its router', ROUTER],
  ])('no pod that was given %s', async (_what, ip) => {
    await inWorld(world, async () => {
      world.put(ROUTED);
      attach('web', { ips: [ip] });
      attach('good', { ips: ['10.9.0.2'] });
      await look();
      await until('told', () => problem('PodAddressRefused')?.message.includes(`home/web (${ip})`));
      expect(routed()).toEqual(['10.9.0.2']);
      expect(world.entry()?.phase).toBe('Ready');
    });
  });

  test("no pod of somebody else's network that has the attachment's name", async () => {
    await inWorld(world, async () => {
      world.put(ROUTED);
      attach('web', { ips: ['10.9.0.2'], master: 'eth0' });
      await look();
      await until('told', () => problem('PodLinkUnproven')?.message.includes('master'));
      expect(routed()).toEqual([]);
    });
  });

  test('a pod that is being deleted, until its link is gone', async () => {
    await inWorld(world, async () => {
      world.put(ROUTED);
      attach('web', { ips: ['10.9.0.2'] });
      await look();
      await until('a route', () => routed().length > 0);
      const { metadata, ...rest } = attachedPod('web', { ips: ['10.9.0.2'] });
      const deletionTimestamp = new Date(0).toISOString();
      world.stores.pods.upsert({ metadata: { ...metadata, resourceVersion: '9', deletionTimestamp }, ...rest });
      await look();
      expect(routed()).toEqual(['10.9.0.2']);
      world.links.clear();
      world.stores.pods.upsert({ metadata: { ...metadata, resourceVersion: '10', deletionTimestamp }, ...rest });
      await look();
      await until('no route', () => routed().length === 0);
      expect(world.entry()?.problems).toBeUndefined();
    });
  });

  test('nobody before it has looked at the pods, and takes nothing down until then', async () => {
    await inWorld(world, async () => {
      world.put(ROUTED);
      attach('web', { ips: ['10.9.0.2'] });
      await look();
      await until('a route', () => routed().length > 0);
    });
    const done = world.facts.done.length;
    const state = world.stores.states.get('nas');
    const next = startAgent({ facts: world.facts, ...(state === undefined ? {} : { state }) });
    next.links.set('uid-web/net1', cachedLink('web', { ips: ['10.9.0.2'] }));
    next.stores.pods.upsert(attachedPod('web', { ips: ['10.9.0.2'] }));
    next.put(ROUTED);
    await inWorld(next, async () => {
      next.clock.advance(300);
      await settled();
      expect(next.facts.done.length).toBe(done);
    });
  });

  test('a pod by the NIC on which its link hangs', async () => {
    await inWorld(world, async () => {
      const links = [loopback(), link(), link({ ifindex: 3 })];
      const addresses = [address('10.9.0.1/24'), address('10.9.0.3/24', { ifindex: 3 })];
      world.facts.network = { ...network({ links, addresses }), routes: world.facts.network.routes };
      world.put(attachment({ spec: { hostAccess: { type: 'Routed' }, parents: [{ interface: { name: 'eth1' } }] } }));
      attach('old', { ips: ['10.9.0.2'], netns: '2' });
      attach('new', { ips: ['10.9.0.4'], netns: '3' });
      await look();
      await until('a route', () => routed().length > 0);
      expect(routed()).toEqual(['10.9.0.4']);
      const other = { hostAccess: { type: 'Routed' }, parents: [{ interface: { name: 'eth0' } }] } as const;
      world.put(attachment({ name: 'wan', spec: other }));
      await until('both routes', () => routed().length > 1);
      const shimOn = (nic: number) => world.facts.network.links.find((l) => l.lower === nic)?.ifindex;
      const via = (ip: string) => world.facts.network.routes.find((r) => r.destination === ip)?.links[0];
      expect([via('10.9.0.2'), via('10.9.0.4')]).toEqual([shimOn(2), shimOn(3)]);
    });
  });
});
