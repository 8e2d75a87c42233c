// What a shim should look like: names, addresses, pods and what is wrong with them.
import { describe, expect, test } from '@jest/globals';
import type { Network } from '../../../../src/domain/net/network.ts';
import type { ProvenLink } from '../../../../src/domain/pod/proven.ts';
import { SHIM_NOTE, shimMacFor, shimNameFor } from '../../../../src/domain/shim/name.ts';
import { planShims, type ShimUser } from '../../../../src/domain/shim/plan.ts';
import { address, link, loopback, network } from '../../../support/network.ts';

const UID = 'b1946ac9-2492-4d23-9c6c-000000000001';

function pod(name: string, ip: string, init: Partial<ProvenLink> = {}): ProvenLink {
  const rest = { uid: `uid-${name}`, attachment: 'lan', interface: 'net1', mac: '02:aa:00:00:00:02' };
  return { namespace: 'home', name, ips: [ip], ...rest, ...init };
}

function plan(pods: readonly ProvenLink[], facts: Network = network(), users: readonly ShimUser[] = []) {
  const parent = facts.links.find((l) => l.ifindex === 2) ?? link();
  return planShims([{ attachment: 'lan', parent, pods }, ...users], facts, UID);
}

describe('a shim', () => {
  test('has the addresses of its parent that have a subnet, once per subnet, and no others', () => {
    const addresses = [
      address('192.168.7.2/24'),
      address('10.9.0.1/24'),
      address('10.9.0.9/24', { isSecondary: true }),
      address('10.9.0.100/32'),
      address('169.254.1.1/16', { isGlobal: false }),
      address('fd00::1/64'),
      address('172.20.0.1/24', { ifindex: 3 }),
    ];
    expect(plan([], network({ addresses })).shims[0]?.addresses).toEqual(['10.9.0.1', '192.168.7.2']);
  });

  test('routes each pod with the address whose subnet holds it, sorted', () => {
    const addresses = [address('10.9.0.1/24'), address('192.168.7.2/24')];
    const { shims, problems } = plan([pod('b', '192.168.7.9'), pod('a', '10.9.0.2')], network({ addresses }));
    expect(shims[0]?.pods).toEqual([
      { address: '10.9.0.2', mac: '02:aa:00:00:00:02', source: '10.9.0.1' },
      { address: '192.168.7.9', mac: '02:aa:00:00:00:02', source: '192.168.7.2' },
    ]);
    expect(problems.get('lan')).toEqual([]);
  });

  test('says which pods no address of the node is near to', () => {
    const far = ['p1', 'p2', 'p3', 'p4'].map((name, i) => pod(name, `10.77.0.${i}`));
    const { shims, problems, podProblems } = plan([...far, pod('near', '10.9.0.2')]);
    expect(shims[0]?.pods).toHaveLength(1);
    expect(problems.get('lan')).toEqual([]);
    expect(podProblems.get('lan')).toMatchObject([
      {
        reason: 'HostAddressMissing',
        message:
          'eth0 has no IPv4 address in the subnet of home/p1 (10.77.0.0), home/p2 (10.77.0.1), home/p3 (10.77.0.2) and 1 more.',
      },
    ]);
  });

  test('leads to what a link has come to by itself as well, and no pod gets the address of another that was given it', () => {
    const early = pod('early', '10.9.0.2', { learnt: ['10.9.0.3', '10.9.0.9'], mac: '02:aa:00:00:00:01' });
    const late = pod('late', '10.9.0.3');
    expect(plan([early, late]).shims[0]?.pods.map(({ address, mac }) => `${address} ${mac}`)).toEqual([
      '10.9.0.2 02:aa:00:00:00:01',
      '10.9.0.3 02:aa:00:00:00:02',
      '10.9.0.9 02:aa:00:00:00:01',
    ]);
  });

  test('says nothing about an address that a router gave to a pod and not to the node', () => {
    const { shims, problems, podProblems } = plan([pod('a', '10.9.0.2', { learnt: ['2001:db8::2'] })]);
    expect(shims[0]?.pods).toHaveLength(1);
    expect([problems.get('lan'), podProblems.get('lan')]).toEqual([[], []]);
  });

  const neighbour = { ifindex: 2, family: 'IPv4', mac: '52:54:00:00:00:77', isPermanent: false } as const;
  const refused = [expect.objectContaining({ reason: 'PodAddressRefused' })];

  test.each([
    [
      'that a link came to by itself, and that the LAN knows as another host',
      { learnt: ['10.9.0.5'] },
      neighbour,
      refused,
    ],
    [
      'that a link came to by itself, and that the LAN knows as its own',
      { learnt: ['10.9.0.5'] },
      { ...neighbour, mac: '02:aa:00:00:00:02' },
      [],
    ],
    ['that a link was given, and that some host of the LAN had once', { ips: ['10.9.0.5'] }, neighbour, []],
    ['that a link was given, and that a router has', { ips: ['10.9.0.5'] }, { ...neighbour, isRouter: true }, refused],
    ['of a neighbour on another NIC', { learnt: ['10.9.0.5'] }, { ...neighbour, ifindex: 3 }, []],
    ['of a neighbour that does not answer', { learnt: ['10.9.0.5'] }, { ...neighbour, mac: '' }, []],
  ])('refuses or takes an address %s', (_name, init, known, problems) => {
    const found = plan([pod('a', '10.9.0.2', init)], network({ neighbours: [{ ...known, address: '10.9.0.5' }] }));
    expect(found.podProblems.get('lan')).toEqual(problems);
    expect(found.shims[0]?.pods.some(({ address }) => address === '10.9.0.5')).toBe(problems.length === 0);
  });

  test('leaves out what it cannot lead to: link-local addresses, pods without MAC address, the node itself, an address taken twice', () => {
    const pods = [
      pod('a', '10.9.0.2'),
      pod('b', '10.9.0.2', { mac: '02:aa:00:00:00:03' }),
      pod('c', 'fe80::7'),
      pod('d', '10.9.0.4', { mac: '' }),
      pod('e', '10.9.0.1'),
      pod('f', 'nonsense'),
    ];
    const { shims, problems } = plan(pods);
    expect(shims[0]?.pods).toEqual([{ address: '10.9.0.2', mac: '02:aa:00:00:00:02', source: '10.9.0.1' }]);
    expect(problems.get('lan')).toEqual([]);
  });

  test('answers IPv6 pods for the addresses whose subnet holds them, and has none of these itself', () => {
    const addresses = [
      address('10.9.0.1/24'),
      address('fd00:b::1/64'),
      address('fd00::1/64'),
      address('fd00::5/64', { isSecondary: true }),
      address('fd00::6/64', { isTentative: true }),
      address('fd00::7/128'),
      address('fe80::1/64', { isGlobal: false }),
    ];
    const two = pod('a', '10.9.0.2', { ips: ['10.9.0.2', 'FD00:0:0::2'] });
    const { shims, problems } = plan([two], network({ addresses }));
    expect(shims[0]).toMatchObject({ addresses: ['10.9.0.1'], proxied: ['fd00::1'] });
    expect(shims[0]?.pods).toEqual([
      { address: '10.9.0.2', mac: '02:aa:00:00:00:02', source: '10.9.0.1' },
      { address: 'fd00::2', mac: '02:aa:00:00:00:02', source: 'fd00::1' },
    ]);
    expect(problems.get('lan')).toEqual([]);
    expect(plan([pod('a', '10.9.0.2')], network({ addresses })).shims[0]?.proxied).toEqual([]);
  });

  test('says for each family which pods no address of the node is near to', () => {
    const { problems, podProblems } = plan([pod('a', '', { ips: ['10.77.0.2', 'fd00::2'] }), pod('b', 'fd00::3')]);
    // It has an IPv4 address, for others: that is the pod's own trouble.
    expect(podProblems.get('lan')?.map(({ message }) => message)).toEqual([
      'eth0 has no IPv4 address in the subnet of home/a (10.77.0.2, fd00::2).',
    ]);
    expect(problems.get('lan')?.map(({ message }) => message)).toEqual([
      'eth0 has no IPv6 address in the subnet of home/a (10.77.0.2, fd00::2), home/b (fd00::3).',
    ]);
  });

  test('is shared by the attachments of one parent, and each parent has its own', () => {
    const facts = network({ links: [loopback(), link(), link({ ifindex: 3 })] });
    const users = ['zoo', 'iot'].map((attachment) => ({ attachment, parent: link(), pods: [] }));
    const other = { attachment: 'wan', parent: link({ ifindex: 3 }), pods: [] };
    const { shims } = plan([], facts, [...users, other]);
    expect(shims.map((shim) => shim.attachments).sort()).toEqual([['iot', 'lan', 'zoo'], ['wan']]);
    expect(shims.map((shim) => shim.name)).toEqual(shims.map((shim) => shim.name).sort());
  });

  test('does not exist without an attachment that wants it', () => {
    expect(planShims([], network(), UID).shims).toEqual([]);
  });
});

describe('the name of a shim', () => {
  test('fits into the kernel and follows node and NIC, and so does its MAC address', () => {
    const name = shimNameFor(UID, '52:54:00:00:00:02');
    expect(name).toMatch(/^mvs-[a-z2-7]{11}$/);
    expect(shimNameFor(UID, '52:54:00:00:00:02')).toBe(name);
    expect(shimNameFor(`${UID}0`, '52:54:00:00:00:02')).not.toBe(name);
    expect(shimNameFor(UID, '52:54:00:00:00:03')).not.toBe(name);
    expect(shimMacFor(UID, name)).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
    expect(shimMacFor(`${UID}0`, name)).not.toBe(shimMacFor(UID, name));
  });

  test('stays when the parent gets another MAC address, as long as the shim is there', () => {
    const mac = shimMacFor(UID, 'mvs-old');
    const there = link({ ifindex: 9, name: 'mvs-old', kind: 'macvlan', lower: 2, mac });
    const facts = network({ links: [loopback(), link({ mac: '52:54:00:99:99:99' }), there] });
    expect(plan([], facts).shims[0]?.name).toBe('mvs-old');
  });

  test("is not that of somebody's macvlan which has our prefix", () => {
    const theirs = link({ ifindex: 9, name: 'mvs-home', kind: 'macvlan', lower: 2 });
    const { shims } = plan([], network({ links: [loopback(), link(), theirs] }));
    expect(shims[0]?.name).toBe(shimNameFor(UID, link().mac));
  });

  test('is the derived one where two shims are on one parent', () => {
    const derived = shimNameFor(UID, link().mac);
    const on = { kind: 'macvlan', lower: 2, note: SHIM_NOTE };
    const links = ['mvs-aaa', derived].map((name, i) => link({ ifindex: 9 + i, name, ...on }));
    expect(plan([], network({ links: [loopback(), link(), ...links] })).shims[0]?.name).toBe(derived);
  });

  test('differs between a NIC and its VLAN, which have one MAC address', () => {
    const vlan = link({ ifindex: 3, name: 'eth0.10', kind: 'vlan', lower: 2, mac: link().mac });
    const facts = network({ links: [loopback(), link(), vlan] });
    const { shims } = plan([], facts, [{ attachment: 'iot', parent: vlan, pods: [] }]);
    expect(new Set(shims.map((shim) => shim.name)).size).toBe(2);
    expect(new Set(shims.map((shim) => shim.mac)).size).toBe(2);
  });
});
