// From the shim that is there to the shim that should be, round by round.
import { describe, expect, test } from '@jest/globals';
import type { Link, Network } from '../../../../src/domain/net/network.ts';
import { diffShim, diffShims, isComplete } from '../../../../src/domain/shim/diff.ts';
import { SHIM_NOTE, shimMacFor } from '../../../../src/domain/shim/name.ts';
import type { ShimPlan } from '../../../../src/domain/shim/plan.ts';
import { address, defaultRoute, hostRoute, link, loopback, network } from '../../../support/network.ts';

const NODE = { nodeUid: 'uid-of-a-node' };
const PLAN: ShimPlan = {
  name: 'mvs-test',
  mac: '02:5f:00:00:00:01',
  parent: 2,
  mtu: 1500,
  addresses: ['10.9.0.1'],
  proxied: [],
  pods: [{ address: '10.9.0.2', mac: '02:aa:00:00:00:02', source: '10.9.0.1' }],
  attachments: ['lan'],
};

const WHOLE = link({
  ifindex: 7,
  name: PLAN.name,
  mac: PLAN.mac,
  kind: 'macvlan',
  macvlanMode: 'bridge',
  lower: 2,
  arpFilter: true,
  addressGeneration: 'None',
  note: SHIM_NOTE,
});
const OWN = address('10.9.0.1/32', { ifindex: 7, isNoPrefixRoute: true });
const ROUTE = hostRoute('10.9.0.2', 7, { source: '10.9.0.1' });
const NEIGHBOUR = {
  ifindex: 7,
  family: 'IPv4',
  address: '10.9.0.2',
  mac: '02:aa:00:00:00:02',
  isPermanent: true,
} as const;

function around(shim: Partial<Link> | undefined, init: Partial<Network> = {}): Network {
  const links = [loopback(), link(), ...(shim === undefined ? [] : [{ ...WHOLE, ...shim }])];
  const rest = { addresses: [address('10.9.0.1/24'), OWN], routes: [defaultRoute(), ROUTE], neighbours: [NEIGHBOUR] };
  return network({ links, ...rest, ...init });
}

describe('the next changes', () => {
  test('are none for a whole shim', () => {
    expect(diffShims([PLAN], around({}), NODE)).toEqual([]);
    expect(isComplete(PLAN, around({}))).toBe(true);
  });

  test('make a missing shim, and nothing else before it is there', () => {
    const { name, mac, mtu, parent } = PLAN;
    expect(diffShim(PLAN, network())).toEqual([{ type: 'CreateMacvlan', name, mac, mtu, parent }]);
  });

  test('silence a new shim before it may start', () => {
    const fresh = around({ isUp: false, arpFilter: false, addressGeneration: 'Other' }, { neighbours: [] });
    expect(diffShim(PLAN, fresh)).toEqual([
      { type: 'SetLink', ifindex: 7, name: PLAN.name, addressGeneration: 'None', arpFilter: true },
    ]);
  });

  test('do without the IPv6 setting where IPv6 is off', () => {
    const { addressGeneration: _, ...without } = { ...WHOLE, arpFilter: false };
    const facts = network({ links: [loopback(), link(), without] });
    expect(diffShim(PLAN, facts)).toEqual([{ type: 'SetLink', ifindex: 7, name: PLAN.name, arpFilter: true }]);
  });

  test('start a silenced shim, then give it address, neighbour and route', () => {
    const silent = around({ isUp: false }, { addresses: [], routes: [], neighbours: [] });
    expect(diffShim(PLAN, silent).map((change) => change.type)).toEqual([
      'SetLink',
      'AddAddress',
      'SetNeighbour',
      'AddRoute',
    ]);
  });

  test('wait while the parent is switched off, and keep a shim that had started', () => {
    const links = [loopback(), link({ isUp: false, hasCarrier: false }), { ...WHOLE, isUp: false }];
    expect(diffShim(PLAN, network({ links }))).toEqual([]);
    expect(isComplete(PLAN, network({ links }))).toBe(false);
    expect(diffShim(PLAN, { ...around({}), links: [loopback(), link({ isUp: false }), WHOLE] })).toEqual([]);
  });

  test('are none when the parent is gone', () => {
    expect(diffShim(PLAN, network({ links: [loopback()] }))).toEqual([]);
  });

  const cases: readonly (readonly [string, Partial<Link>, Partial<Network>, readonly object[]])[] = [
    ['another MAC address', { mac: '02:00:00:00:00:99' }, {}, [{ type: 'SetLink', mac: PLAN.mac }]],
    ['another MTU', { mtu: 1400 }, {}, [{ type: 'SetLink', mtu: 1500 }]],
    ['an ear for routers', { acceptsRouters: true }, {}, [{ type: 'IgnoreRouters' }]],
    ['arp_filter off', { arpFilter: false }, {}, [{ type: 'SetLink', arpFilter: true }]],
    [
      'an IPv6 address',
      {},
      { addresses: [OWN, address('fe80::1/64', { ifindex: 7 })] },
      [{ type: 'RemoveAddress', address: 'fe80::1' }],
    ],
    [
      'its address with a prefix route',
      {},
      { addresses: [{ ...OWN, isNoPrefixRoute: false }] },
      [{ type: 'RemoveAddress' }, { type: 'AddAddress' }],
    ],
    [
      'an address of a larger subnet',
      {},
      { addresses: [{ ...OWN, prefixLength: 24 }] },
      [
        { type: 'RemoveAddress', prefixLength: 24 },
        { type: 'AddAddress', prefixLength: 32 },
      ],
    ],
    ['no route', {}, { routes: [] }, [{ type: 'AddRoute', source: '10.9.0.1' }]],
    [
      'a route without source',
      {},
      { routes: [hostRoute('10.9.0.2', 7)] },
      [{ type: 'ReplaceRoute', source: '10.9.0.1' }],
    ],
    ['a route through a gateway', {}, { routes: [{ ...ROUTE, hasGateway: true }] }, [{ type: 'ReplaceRoute' }]],
    ['a route over the parent in its place', {}, { routes: [hostRoute('10.9.0.2', 2)] }, [{ type: 'ReplaceRoute' }]],
    ['a route of somebody else in its place', {}, { routes: [hostRoute('10.9.0.2', 5)] }, [{ type: 'AddRoute' }]],
    [
      'a route with a metric beside its own',
      {},
      { routes: [ROUTE, { ...ROUTE, metric: 5 }] },
      [{ type: 'RemoveRoute', metric: 5 }],
    ],
    ['a default route', {}, { routes: [ROUTE, defaultRoute(7)] }, [{ type: 'RemoveRoute', prefixLength: 0 }]],
    [
      'a route to nobody',
      {},
      { routes: [ROUTE, hostRoute('10.9.0.9', 7)] },
      [{ type: 'RemoveRoute', destination: '10.9.0.9' }],
    ],
    ['no neighbour', {}, { neighbours: [] }, [{ type: 'SetNeighbour' }]],
    ['a neighbour that ages', {}, { neighbours: [{ ...NEIGHBOUR, isPermanent: false }] }, [{ type: 'SetNeighbour' }]],
    [
      'a neighbour with another MAC address',
      {},
      { neighbours: [{ ...NEIGHBOUR, mac: '02:00:00:00:00:01' }] },
      [{ type: 'SetNeighbour', mac: NEIGHBOUR.mac }],
    ],
    [
      'a neighbour too many',
      {},
      { neighbours: [NEIGHBOUR, { ...NEIGHBOUR, address: '10.9.0.9' }] },
      [{ type: 'RemoveNeighbour', address: '10.9.0.9' }],
    ],
  ];
  test.each(cases)('mend a shim with %s', (_title, shim, init, expected) => {
    expect(diffShim(PLAN, around(shim, init))).toMatchObject(expected);
    expect(diffShim(PLAN, around(shim, init))).toHaveLength(expected.length);
  });
});

describe('IPv6', () => {
  const pod = { address: 'fd00::2', mac: '02:aa:00:00:00:02', source: 'fd00::1' };
  const plan: ShimPlan = { ...PLAN, addresses: [], proxied: ['fd00::1'], pods: [pod] };
  const route = hostRoute(pod.address, 7, { source: pod.source });
  const neighbour = { ...NEIGHBOUR, family: 'IPv6', address: pod.address } as const;
  const proxy = { ifindex: 7, family: 'IPv6', address: 'fd00::1', mac: '', isPermanent: false, isProxy: true } as const;
  const on = { isNdpProxy: true, isIPv6Forwarding: true };
  const whole = { addresses: [], routes: [route], neighbours: [neighbour, proxy] };

  test('needs nothing more when all is there', () => {
    expect(diffShim(plan, around(on, whole))).toEqual([]);
  });

  test('gets a neighbour, a route, an answer for the address of the node, and the settings for it', () => {
    expect(diffShim(plan, around({}, { addresses: [], routes: [], neighbours: [] }))).toEqual([
      { type: 'SetNeighbour', ifindex: 7, address: 'fd00::2', mac: pod.mac },
      {
        type: 'AddRoute',
        ifindex: 7,
        destination: 'fd00::2',
        prefixLength: 128,
        source: 'fd00::1',
        metric: 1024,
      },
      { type: 'AddProxy', ifindex: 7, address: 'fd00::1' },
      { type: 'StartNdpProxy', ifindex: 7, name: PLAN.name },
    ]);
  });

  test('goes altogether with the last pod that has it', () => {
    expect(diffShim({ ...plan, proxied: [], pods: [] }, around(on, whole))).toEqual([
      { type: 'RemoveRoute', ifindex: 7, destination: 'fd00::2', prefixLength: 128, metric: 1024 },
      { type: 'RemoveNeighbour', ifindex: 7, address: 'fd00::2', mac: pod.mac },
      { type: 'RemoveProxy', ifindex: 7, address: 'fd00::1' },
      { type: 'StopNdpProxy', ifindex: 7, name: PLAN.name },
    ]);
  });

  test('lets the shim send to its pods only, before it answers, and follows the pods', () => {
    const bare = { addresses: [], routes: [route], neighbours: [neighbour] };
    const filter = { type: 'FilterEgress', ifindex: 7, macs: [pod.mac] };
    expect(diffShim(plan, around({ egress: 'Open' }, bare)).map((change) => change.type)).toEqual([
      'FilterEgress',
      'AddProxy',
      'StartNdpProxy',
    ]);
    expect(diffShim(plan, around({ ...on, egress: ['02:00:00:00:00:99'] }, whole))).toEqual([filter]);
    expect(diffShim(plan, around({ ...on, egress: [pod.mac] }, whole))).toEqual([]);
    expect(diffShim(PLAN, around({ egress: 'Open' }))).toEqual([]);
    expect(diffShim(PLAN, around({ egress: [] }))).toEqual([filter]);
  });

  test('is left alone where the node forwards by default, and where the kernel has none', () => {
    expect(diffShim(PLAN, around({ isIPv6Forwarding: true }))).toEqual([]);
    const { isNdpProxy: _, isIPv6Forwarding: __, ...without } = WHOLE;
    expect(diffShim(plan, { ...around({}, whole), links: [loopback(), link(), without] })).toEqual([]);
  });

  test.each([
    ['proxy_ndp off', { isNdpProxy: false }, {}, [{ type: 'StartNdpProxy' }]],
    ['forwarding off', { isIPv6Forwarding: false }, {}, [{ type: 'StartNdpProxy' }]],
    ['no answer for the node', {}, { neighbours: [neighbour] }, [{ type: 'AddProxy' }]],
    [
      'an answer for somebody else',
      {},
      { neighbours: [neighbour, proxy, { ...proxy, address: 'fd00::9' }] },
      [{ type: 'RemoveProxy', address: 'fd00::9' }],
    ],
    ['a route over the parent', {}, { routes: [{ ...route, links: [2] }] }, [{ type: 'ReplaceRoute' }]],
    ['a default route', {}, { routes: [route, defaultRoute(7, { family: 'IPv6' })] }, [{ type: 'RemoveRoute' }]],
    [
      'the address of the node',
      {},
      { addresses: [address('fd00::1/128', { ifindex: 7 })] },
      [{ type: 'RemoveAddress' }],
    ],
  ] as const)('is mended on a shim with %s', (_title, shim, init, expected) => {
    const changes = diffShim(plan, around({ ...on, ...shim }, { ...whole, ...init } as Partial<Network>));
    expect(changes).toMatchObject(expected);
    expect(changes).toHaveLength(expected.length);
  });
});

describe('links that are no shims (any more)', () => {
  test('go when they are proven to be ours, whatever their name is', () => {
    const on = { kind: 'macvlan', lower: 2 };
    const strays = [
      link({ ifindex: 8, name: 'mvs-stray', mac: shimMacFor(NODE.nodeUid, 'mvs-stray'), ...on }),
      link({ ifindex: 9, name: 'renamed0', note: SHIM_NOTE, ...on }),
    ];
    const facts = { ...around({}), links: [loopback(), link(), WHOLE, ...strays] };
    expect(diffShims([PLAN], facts, NODE)).toEqual([
      { type: 'DeleteLink', ifindex: 8, name: 'mvs-stray' },
      { type: 'DeleteLink', ifindex: 9, name: 'renamed0' },
    ]);
  });

  test('stay when they only happen to have our prefix', () => {
    const foreign = [
      link({ ifindex: 8, name: 'mvs-home', kind: 'macvlan', lower: 2 }),
      link({ ifindex: 9, name: 'mvs-dummy', kind: 'dummy', note: SHIM_NOTE }),
      link({ ifindex: 10, name: 'mvs-other', kind: 'macvlan', lower: 2, mac: shimMacFor('another', 'mvs-other') }),
    ];
    const facts = { ...around({}), links: [loopback(), link(), WHOLE, ...foreign] };
    expect(diffShims([PLAN], facts, NODE)).toEqual([]);
  });

  test('go when they have taken the MAC address of a shim on its parent', () => {
    const thief = { ...WHOLE, name: 'stolen0' };
    const facts = network({ links: [loopback(), link(), thief] });
    expect(diffShims([PLAN], facts, NODE).map((change) => change.type)).toEqual(['DeleteLink', 'CreateMacvlan']);
  });

  test('are made anew when what cannot be changed is wrong', () => {
    for (const wrong of [{ lower: 5 }, { macvlanMode: 'private' }]) {
      expect(diffShims([PLAN], around(wrong), NODE).map((change) => change.type)).toEqual([
        'DeleteLink',
        'CreateMacvlan',
      ]);
    }
  });

  test('all go when nothing is planned', () => {
    expect(diffShims([], around({}), NODE)).toEqual([{ type: 'DeleteLink', ifindex: 7, name: PLAN.name }]);
  });
});

describe('a route and its neighbour', () => {
  test('come with the neighbour first, and go with the neighbour last', () => {
    const next = { ...PLAN, pods: [{ address: '10.9.0.3', mac: '02:aa:00:00:00:03', source: '10.9.0.1' }] };
    expect(diffShim(next, around({})).map((change) => change.type)).toEqual([
      'RemoveRoute',
      'RemoveNeighbour',
      'SetNeighbour',
      'AddRoute',
    ]);
  });
});

describe('a shim that is held back', () => {
  const held = { ...NODE, held: new Set([PLAN.name]) };

  test('is neither made again nor mended nor removed', () => {
    expect(diffShims([PLAN], around(undefined), held)).toEqual([]);
    expect(diffShims([PLAN], around({}, { routes: [], neighbours: [] }), held)).toEqual([]);
    expect(diffShims([PLAN], around({ isUp: false }), held)).toEqual([]);
  });

  test('is silenced at once, and down until its next try', () => {
    const on = { ifindex: 7, name: PLAN.name };
    expect(diffShims([PLAN], around({ arpFilter: false }), held)).toEqual([
      { type: 'SetLink', ...on, arpFilter: true, up: false },
    ]);
    expect(diffShims([PLAN], around({ addressGeneration: 'Other', isUp: false }), held)).toEqual([
      { type: 'SetLink', ...on, addressGeneration: 'None' },
    ]);
    expect(diffShims([PLAN], around({ acceptsRouters: true }), held)).toEqual([{ type: 'IgnoreRouters', ...on }]);
  });

  test("loses addresses that are not the recipe's", () => {
    const addresses = [address('10.9.0.1/24'), OWN, address('10.9.0.9/24', { ifindex: 7 })];
    expect(diffShims([PLAN], around({}, { addresses }), held)).toEqual([
      { type: 'RemoveAddress', ifindex: 7, address: '10.9.0.9', prefixLength: 24 },
    ]);
  });
});
