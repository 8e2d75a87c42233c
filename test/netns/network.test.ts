// One contract, two networks: the kernel's own, and the model that property tests and unit tests stand on.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { NetworkPort } from '../../src/agent/ports.ts';
import type { Change } from '../../src/domain/net/change.ts';
import type { Link } from '../../src/domain/net/network.ts';
import { FakeNetwork, network as modelOf } from '../support/network.ts';
import type { Lab } from './support/lab.ts';
import { NIC, startLan } from './support/lan.ts';
import { RemoteNetwork } from './support/remote-network.ts';

jest.setTimeout(60_000);

interface Setup {
  readonly network: NetworkPort;
  readonly stop: () => Promise<void>;
}

/** The NIC is up, with 10.9.0.1/24 and the default route. */
const networks: Readonly<Record<string, () => Promise<Setup>>> = {
  'the kernel': async () => {
    const lab: Lab = await startLan();
    const network = new RemoteNetwork(lab, 'node');
    return {
      network,
      stop: async () => {
        await network.close();
        await lab.stop();
      },
    };
  },
  'the model': async () => {
    const initial = modelOf();
    const links = initial.links.map((l) => (l.ifindex === 2 ? { ...l, name: NIC } : l));
    return { network: new FakeNetwork({ ...initial, links }), stop: async () => {} };
  },
};

describe.each(Object.keys(networks))('the network of %s', (name) => {
  let network: NetworkPort;
  let stop: () => Promise<void>;
  let nic: Link;

  beforeEach(async () => {
    const setup = await networks[name]?.();
    if (setup === undefined) throw new Error('no such network');
    ({ network, stop } = setup);
    nic = await find(NIC);
  });

  afterEach(async () => {
    await stop();
  });

  async function find(link: string): Promise<Link> {
    const found = (await network.read()).links.find((l) => l.name === link);
    if (found === undefined) throw new Error(`no link ${link}`);
    return found;
  }

  async function refusals(...changes: Change[]): Promise<readonly string[]> {
    return (await network.apply(changes)).map((refusal) => `${refusal.change.type} ${refusal.code}`);
  }

  const create = (): Change => ({
    type: 'CreateMacvlan',
    name: 'mvs-test',
    parent: nic.ifindex,
    mac: '02:5f:00:00:00:01',
    mtu: 1500,
  });

  async function createShim(): Promise<Link> {
    expect(await refusals(create())).toEqual([]);
    return find('mvs-test');
  }

  test('shows NIC, address and default route', async () => {
    const facts = await network.read();
    expect(nic).toMatchObject({
      type: 'Ethernet',
      isUp: true,
      hasCarrier: true,
      mtu: 1500,
      arpFilter: false,
      altNames: [],
    });
    expect(facts.links.find((l) => l.name === 'lo')).toMatchObject({ type: 'Loopback' });
    const own = facts.addresses.filter((a) => a.ifindex === nic.ifindex && a.family === 'IPv4');
    expect(own).toMatchObject([{ address: '10.9.0.1', prefixLength: 24, isGlobal: true, isNoPrefixRoute: false }]);
    const defaults = facts.routes.filter((r) => r.prefixLength === 0 && r.family === 'IPv4');
    expect(defaults).toMatchObject([{ links: [nic.ifindex], hasGateway: true, isUnicast: true }]);
    expect(facts.neighbours).toEqual([]);
    expect(await network.readLink(nic.ifindex)).toEqual(nic);
    expect(await network.readLink(4711)).toBeUndefined();
  });

  test('gives and takes altnames, each to one link only', async () => {
    const add = { type: 'AddAltName', ifindex: nic.ifindex, name: 'mva-lan' } as const;
    expect(await refusals(add)).toEqual([]);
    expect((await find(NIC)).altNames).toEqual(['mva-lan']);
    expect(await refusals(add, { ...add, name: NIC })).toEqual(['AddAltName EEXIST', 'AddAltName EEXIST']);
    expect(await refusals({ ...add, type: 'RemoveAltName' }, { ...add, type: 'RemoveAltName' })).toEqual([]);
    expect((await find(NIC)).altNames).toEqual([]);
  });

  test('makes a macvlan that is off and has its address, and none with a name that is taken or too large an MTU', async () => {
    const shim = await createShim();
    expect(shim).toMatchObject({
      kind: 'macvlan',
      macvlanMode: 'bridge',
      lower: nic.ifindex,
      isUp: false,
      arpFilter: false,
    });
    expect(shim).toMatchObject({ mac: '02:5f:00:00:00:01', addressGeneration: 'Other', isLowerElsewhere: false });
    const large = { ...create(), name: 'mvs-large', mtu: 9000 } as Change;
    expect(await refusals(create(), large)).toEqual(['CreateMacvlan EEXIST', 'CreateMacvlan EINVAL']);
  });

  test('silences and starts a macvlan, and refuses to route over one that is off', async () => {
    const { ifindex, name: shim } = await createShim();
    const address = { type: 'AddAddress', ifindex, address: '10.9.0.1', prefixLength: 32 } as const;
    const route = {
      type: 'AddRoute',
      ifindex,
      destination: '10.9.0.2',
      prefixLength: 32,
      source: '10.9.0.1',
      metric: 0,
    } as const;
    expect(await refusals(route)).toEqual(['AddRoute ENETDOWN']);
    const silence = { type: 'SetLink', ifindex, name: shim, arpFilter: true, addressGeneration: 'None' } as const;
    const up = { type: 'SetLink', ifindex, name: shim, up: true } as const;
    const neighbour = { type: 'SetNeighbour', ifindex, address: '10.9.0.2', mac: '02:aa:00:00:00:02' } as const;
    expect(await refusals(silence, up, address, address, route, neighbour, neighbour)).toEqual([]);
    expect(await find('mvs-test')).toMatchObject({
      isUp: true,
      hasCarrier: true,
      arpFilter: true,
      addressGeneration: 'None',
    });
    const facts = await network.read();
    const own = facts.addresses.filter((a) => a.ifindex === ifindex);
    expect(own).toMatchObject([{ address: '10.9.0.1', prefixLength: 32, isNoPrefixRoute: true, family: 'IPv4' }]);
    const hosts = facts.routes.filter((r) => r.prefixLength === 32);
    expect(hosts).toMatchObject([
      { destination: '10.9.0.2', links: [ifindex], source: '10.9.0.1', isLinkScope: true, metric: 0 },
    ]);
    expect(facts.neighbours).toMatchObject([
      { ifindex, address: '10.9.0.2', mac: '02:aa:00:00:00:02', isPermanent: true },
    ]);
    expect(await refusals(route)).toEqual(['AddRoute EEXIST']);
    const unsaid = { ...route, destination: '10.9.0.3', source: '10.9.9.9' };
    expect(await refusals({ ...route, type: 'ReplaceRoute' }, unsaid)).toEqual(['AddRoute EINVAL']);
  });

  test('answers for an IPv6 address on a macvlan once it is told to, and says so', async () => {
    const { ifindex, name: shim } = await createShim();
    expect(await find('mvs-test')).toMatchObject({ isNdpProxy: false, isIPv6Forwarding: false });
    const proxy = { ifindex, address: 'fd00::1' };
    const link = { ifindex, name: shim };
    expect(
      await refusals(
        { type: 'AddProxy', ...proxy },
        { type: 'StartNdpProxy', ...link },
        { type: 'AddProxy', ...proxy },
      ),
    ).toEqual([]);
    expect(await find('mvs-test')).toMatchObject({ isNdpProxy: true, isIPv6Forwarding: true });
    expect(await network.readProxied(ifindex)).toEqual(['fd00::1']);
    const { neighbours } = await network.read();
    expect(neighbours.filter((n) => n.isProxy)).toMatchObject([{ ...proxy, isPermanent: false, family: 'IPv6' }]);
    const removal = { type: 'RemoveProxy', ...proxy } as const;
    expect(await refusals(removal, removal, { type: 'StopNdpProxy', ...link })).toEqual([]);
    expect(await network.readProxied(ifindex)).toEqual([]);
    expect(await find('mvs-test')).toMatchObject({ isNdpProxy: false, isIPv6Forwarding: false });
  });

  test('lets a macvlan send to some addresses only, and says to which', async () => {
    const { ifindex, egress } = await createShim();
    expect(egress).toBe('Open');
    for (const macs of [['02:aa:00:00:00:02', '02:aa:00:00:00:03'], ['02:aa:00:00:00:03'], []]) {
      expect(await refusals({ type: 'FilterEgress', ifindex, macs })).toEqual([]);
      expect((await find('mvs-test')).egress).toEqual(macs);
    }
  });

  test('takes away what is there, and what is gone already as well', async () => {
    const { ifindex, name: shim } = await createShim();
    const address = { ifindex, address: '10.9.0.1', prefixLength: 32 };
    const route = { ifindex, destination: '10.9.0.2', prefixLength: 32, metric: 0 };
    const neighbour = { ifindex, address: '10.9.0.2', mac: '02:aa:00:00:00:02' };
    const up = { type: 'SetLink', ifindex, name: shim, up: true } as const;
    await network.apply([
      up,
      { type: 'AddAddress', ...address },
      { type: 'AddRoute', ...route },
      { type: 'SetNeighbour', ...neighbour },
    ]);
    const removals: Change[] = [
      { type: 'RemoveNeighbour', ...neighbour },
      { type: 'RemoveRoute', ...route },
      { type: 'RemoveAddress', ...address },
    ];
    expect(await refusals(...removals, ...removals)).toEqual([]);
    const facts = await network.read();
    expect(facts.addresses.some((a) => a.ifindex === ifindex && a.family === 'IPv4')).toBe(false);
    expect(facts.routes.some((r) => r.links.includes(ifindex) && r.family === 'IPv4')).toBe(false);
    expect(facts.neighbours.filter((n) => n.isPermanent && n.family === 'IPv4')).toEqual([]);
  });

  test('deletes a link with everything on it', async () => {
    const { ifindex, name: shim } = await createShim();
    const up = { type: 'SetLink', ifindex, name: shim, up: true } as const;
    await network.apply([up, { type: 'AddAddress', ifindex, address: '10.9.0.1', prefixLength: 32 }]);
    expect(await refusals({ type: 'DeleteLink', ifindex, name: shim })).toEqual([]);
    const facts = await network.read();
    expect(facts.links.map((l) => l.name).sort()).toEqual([NIC, 'lo'].sort());
    expect(facts.addresses.filter((a) => a.ifindex === ifindex)).toEqual([]);
  });

  test('refuses to start a macvlan with the MAC address of another on the same parent', async () => {
    const { ifindex, name: shim } = await createShim();
    const twin = { ...create(), name: 'mvs-twin' } as Change;
    expect(await refusals({ type: 'SetLink', ifindex, name: shim, up: true }, twin)).toEqual([]);
    const other = await find('mvs-twin');
    expect(await refusals({ type: 'SetLink', ifindex: other.ifindex, name: 'mvs-twin', up: true })).toEqual([
      'SetLink EADDRINUSE',
    ]);
  });

  test('refuses one change of several and makes the others', async () => {
    const add = (alias: string): Change => ({ type: 'AddAltName', ifindex: nic.ifindex, name: alias });
    const nobody: Change = { type: 'AddAltName', ifindex: 4711, name: 'mva-x' };
    expect(await refusals(add('mva-a'), nobody, add('mva-b'))).toEqual(['AddAltName ENODEV']);
    expect((await find(NIC)).altNames).toEqual(['mva-a', 'mva-b']);
  });

  test('carries out a thousand changes at once', async () => {
    const { ifindex, name: shim } = await createShim();
    const pods = Array.from({ length: 500 }, (_, i) => `10.9.${1 + (i >> 8)}.${i & 255}`);
    const changes = pods.flatMap((pod): Change[] => [
      { type: 'AddRoute', ifindex, destination: pod, prefixLength: 32, metric: 0 },
      { type: 'SetNeighbour', ifindex, address: pod, mac: '02:aa:00:00:00:02' },
    ]);
    expect(await refusals({ type: 'SetLink', ifindex, name: shim, up: true }, ...changes)).toEqual([]);
    const facts = await network.read();
    expect(facts.routes.filter((r) => r.prefixLength === 32)).toHaveLength(500);
    expect(facts.neighbours.filter((n) => n.isPermanent)).toHaveLength(500);
  });
});
