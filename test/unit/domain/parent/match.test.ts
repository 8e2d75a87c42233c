// Which NIC is meant: the table of rules, and what keeps or ends a choice.
import { describe, expect, test } from '@jest/globals';
import type { ParentMatch, ParentRule } from '../../../../src/api/v1alpha1/attachment.ts';
import type { Link, Network } from '../../../../src/domain/net/network.ts';
import { type Choice, decideParent, wishOf } from '../../../../src/domain/parent/match.ts';
import { attachment } from '../../../support/builders.ts';
import { address, defaultRoute, link, loopback, network } from '../../../support/network.ts';

const LABELS = { 'kubernetes.io/hostname': 'nas' };

function decide(match: ParentMatch, facts: Network, previous?: Choice) {
  return decideParent(attachment({ spec: { parents: [{ interface: match }] } }), LABELS, facts, previous);
}

/** Names of the NIC that was chosen, or the reason why there is none. */
function answer(decision: ReturnType<typeof decideParent>): string {
  return decision.type === 'Chosen' ? decision.link.name : decision.problem.reason;
}

const lan0 = link({
  ifindex: 2,
  name: 'lan0',
  permanentMac: '52:54:00:aa:aa:aa',
  driver: 'igc',
  pciAddress: '0000:03:00.0',
});
const wan0 = link({ ifindex: 3, name: 'wan0', altNames: ['enp4s0', 'mva-other'] });
const two = network({
  links: [loopback(), lan0, wan0],
  addresses: [address('10.9.0.1/24'), address('fd00::5/64', { ifindex: 3 })],
  routes: [defaultRoute(2, { metric: 100 }), defaultRoute(3, { metric: 50 }), defaultRoute(2, { family: 'IPv6' })],
});

describe('a rule', () => {
  const cases: readonly (readonly [string, ParentMatch, string])[] = [
    ['by name', { name: 'lan0' }, 'lan0'],
    ['by a name that is only an alternative one', { name: 'enp4s0' }, 'ParentMissing'],
    ['by pattern', { namePattern: 'wan?' }, 'wan0'],
    ['by a pattern that matches both', { namePattern: '*an0' }, 'ParentAmbiguous'],
    ['by a pattern with characters that regular expressions know', { namePattern: 'w.n0' }, 'ParentMissing'],
    ['by alternative name', { altName: 'enp4s0' }, 'wan0'],
    ['by an alias of ours, which says nothing', { altName: 'mva-other' }, 'ParentMissing'],
    ['by permanent MAC address, in any spelling', { mac: '52-54-00-AA-AA-AA' }, 'lan0'],
    ['by current MAC address of a NIC that has a permanent one', { mac: lan0.mac }, 'ParentMissing'],
    ['by current MAC address of a NIC that has no other', { mac: wan0.mac }, 'wan0'],
    ['by PCI address', { pciAddress: '0000:03:00.0' }, 'lan0'],
    ['by driver', { driver: 'igc' }, 'lan0'],
    ['by IPv4 subnet', { subnet: '10.0.0.0/8' }, 'lan0'],
    ['by IPv6 subnet', { subnet: 'fd00::/64' }, 'wan0'],
    ['by the IPv4 default route: the one with the lower metric', { defaultRoute: 'IPv4' }, 'wan0'],
    ['by the IPv6 default route', { defaultRoute: 'IPv6' }, 'lan0'],
    ['by two facts that hold of one NIC', { subnet: '10.9.0.0/24', name: 'lan0' }, 'lan0'],
    ['by two facts that hold of different NICs', { subnet: '10.9.0.0/24', name: 'wan0' }, 'ParentMissing'],
    ['without any fact', {}, 'ParentMissing'],
    ['that means the loopback device', { name: 'lo' }, 'ParentUnsuitable'],
  ];
  test.each(cases)('%s', (_title, match, expected) => {
    expect(answer(decide(match, two))).toBe(expected);
  });

  test('is taken by the first whose labels match the node, and none means no parent', () => {
    const parents: readonly ParentRule[] = [
      { nodeSelector: { 'kubernetes.io/hostname': 'pi' }, interface: { name: 'wan0' } },
      { nodeSelector: LABELS, interface: { name: 'lan0' } },
      { interface: { name: 'wan0' } },
    ];
    expect(answer(decideParent(attachment({ spec: { parents } }), LABELS, two, undefined))).toBe('lan0');
    const none = attachment({ spec: { parents: parents.slice(0, 1) } });
    expect(answer(decideParent(none, LABELS, two, undefined))).toBe('NoParentRule');
  });

  test('that is not given means the IPv4 default route', () => {
    expect(answer(decideParent(attachment(), LABELS, two, undefined))).toBe('wan0');
    expect(answer(decideParent(attachment(), LABELS, { ...two, routes: [] }, undefined))).toBe('ParentMissing');
  });

  test('says which NICs were seen, each with its MAC address', () => {
    const decision = decide({ name: 'eth7' }, two);
    expect(decision).toMatchObject({
      problem: { message: 'No NIC has the name eth7. Seen: lan0 (52:54:00:aa:aa:aa), wan0 (52:54:00:00:00:03).' },
    });
  });
});

describe('a link that is meant but cannot carry a LAN is named with the reason', () => {
  const veth = { kind: 'veth', isLowerElsewhere: true } as const;
  const bridge = link({ ifindex: 9, name: 'br0', kind: 'bridge' });
  const cases: readonly (readonly [string, Partial<Link>, string])[] = [
    ['a port of a bridge', { master: 9, portKind: 'bridge' }, 'it is a port of br0.'],
    ['a VPN', { type: 'Other', kind: 'wireguard' }, 'it is no Ethernet device.'],
    ['a macvlan', { kind: 'macvlan', lower: 9 }, 'it is itself a macvlan link.'],
    [
      'a shim of ours',
      { name: 'mvs-abc', kind: 'macvlan', lower: 9 },
      'mvs-abc is a host-access shim of this operator.',
    ],
    ['a dummy', { kind: 'dummy', isNoArp: true }, 'it does no ARP, so no LAN is behind it.'],
    [
      'the end of a Calico pod',
      { ...veth, name: 'cali12345678901' },
      "cali12345678901 is the node's end of a pod's veth.",
    ],
    ['the end of a Cilium pod', { ...veth, name: 'lxc1234' }, "lxc1234 is the node's end of a pod's veth."],
    [
      'the end of a pod that is wired point to point',
      { ...veth, name: 'tap77' },
      "tap77 is the node's end of a pod's veth.",
    ],
  ];
  test.each(cases)('%s', (_title, init, message) => {
    const meant = link({ ifindex: 5, name: 'it', ...init });
    const routes =
      meant.name === 'tap77'
        ? [{ ...defaultRoute(5), destination: '10.42.0.7', prefixLength: 32, hasGateway: false }]
        : [];
    const decision = decide({ name: meant.name }, network({ links: [loopback(), bridge, meant], routes }));
    expect(decision).toMatchObject({ type: 'None', problem: { reason: 'ParentUnsuitable', message } });
  });

  test('but a bridge, a bond, a VLAN, and a veth that is the uplink of the node itself are good', () => {
    const routes = [{ ...defaultRoute(5), destination: '10.9.0.77', prefixLength: 32, hasGateway: false }];
    const good: readonly Partial<Link>[] = [
      { kind: 'bridge' },
      { kind: 'bond' },
      { kind: 'vlan', lower: 2 },
      { ...veth, name: 'enp3s0' },
      { ...veth, name: 'lan0' },
    ];
    for (const init of good) {
      const meant = link({ ifindex: 5, name: 'it', ...init });
      const facts = network({
        links: [loopback(), meant],
        addresses: [address('10.9.0.1/24', { ifindex: 5 })],
        routes,
      });
      expect(answer(decide({ name: meant.name }, facts))).toBe(meant.name);
    }
  });
});

describe('a choice', () => {
  const choice = { ifindex: 3, mac: wan0.mac, wish: wishOf({ defaultRoute: 'IPv4' }) };

  test('stays when the default route moves to another NIC', () => {
    const moved = { ...two, routes: [defaultRoute(2)] };
    expect(answer(decide({ defaultRoute: 'IPv4' }, moved))).toBe('lan0');
    expect(answer(decide({ defaultRoute: 'IPv4' }, moved, choice))).toBe('wan0');
  });

  test('stays when its NIC is renamed, loses its carrier or is switched off', () => {
    const changed = { ...wan0, name: 'other', hasCarrier: false, isUp: false };
    expect(answer(decide({ defaultRoute: 'IPv4' }, { ...two, links: [lan0, changed], routes: [] }, choice))).toBe(
      'other',
    );
  });

  test('ends with its device, also when another one has the name', () => {
    const twin = { ...wan0, ifindex: 9 };
    const before = { ifindex: 3, mac: wan0.mac, wish: wishOf({ name: 'wan0' }) };
    const decision = decide({ name: 'wan0' }, { ...two, links: [lan0, twin] }, before);
    expect(decision).toMatchObject({ type: 'Chosen', choice: { ifindex: 9 } });
    expect(answer(decide({ name: 'wan0' }, { ...two, links: [lan0] }, before))).toBe('ParentMissing');
  });

  test('ends when another device comes with the same index, and not when its own MAC address is changed', () => {
    const foreign = { ...wan0, name: 'other', mac: '52:54:00:00:00:77' };
    const facts = { ...two, links: [lan0, foreign], routes: [] };
    expect(answer(decide({ defaultRoute: 'IPv4' }, facts, choice))).toBe('ParentMissing');
    const changed = { ...foreign, altNames: ['mva-lan'] };
    expect(answer(decide({ defaultRoute: 'IPv4' }, { ...facts, links: [lan0, changed] }, choice))).toBe('other');
  });

  test('ends when the wish changes, but not when it is only spelled differently', () => {
    expect(answer(decide({ name: 'lan0' }, two, choice))).toBe('lan0');
    expect(wishOf({ mac: '52:54:00:AA:AA:AA', name: 'a' })).toBe(wishOf({ name: 'a', mac: '52-54-00-aa-aa-aa' }));
    expect(wishOf({ name: 'a' })).not.toBe(wishOf({ altName: 'a' }));
  });

  test('ends when its NIC becomes a port of a bridge', () => {
    const port = { ...wan0, master: 9 };
    expect(answer(decide({ defaultRoute: 'IPv4' }, { ...two, links: [lan0, port] }, choice))).toBe('ParentUnsuitable');
  });
});
