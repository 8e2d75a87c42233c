import { describe, expect, test } from '@jest/globals';
import type { MacvlanNodeState, NodePod } from '../../../../src/api/v1alpha1/node-state.ts';
import { claimFor } from '../../../../src/domain/identity/claims.ts';
import { conflictProblem, describeConflict, remedyFor } from '../../../../src/domain/identity/conflict-text.ts';
import {
  type AddressFacts,
  addressesBetween,
  addressesIn,
  addressKey,
  areOneLanOn,
  judgeAddress,
  type Sighting,
  sightingsIn,
} from '../../../../src/domain/identity/conflicts.ts';

const MAC = '02:4d:00:00:00:01';
const IP = '192.0.2.50';

function link(name: string, init: Partial<Sighting> = {}): Sighting {
  const base = {
    namespace: 'home',
    attachment: 'lan',
    interface: 'net1',
    mac: MAC,
    ips: [IP],
    state: 'Attached',
  } as const;
  return { ...base, name, uid: `uid-${name}`, node: 'a', ...init };
}

const claim = (address: string, name: string, attachment = 'lan') =>
  claimFor({ address, attachment }, { namespace: 'home', name });

/** Pods hold the identity of their name, and each attachment is a LAN of its own. */
function judge(address: string, facts: Partial<AddressFacts>) {
  return judgeAddress({
    address,
    sightings: [],
    claims: [],
    isEntitled: ({ name }, owner) => owner.name === `pod-${name}`,
    isOneLan: (a, b) => a === b,
    ...facts,
  });
}

const names = (conflict: ReturnType<typeof judge>) => conflict?.sightings.map(({ name }) => name);

describe('an address is in two places', () => {
  test.each<readonly [string, Partial<AddressFacts>, readonly string[]]>([
    ['when two pods on one LAN have it', { sightings: [link('b', { node: 'b' }), link('a')] }, ['a', 'b']],
    [
      'when it belongs to an identity, and a pod has it that does not hold that one',
      { sightings: [link('x')], claims: [claim(IP, 'pod-a')] },
      ['x'],
    ],
    [
      'when it belongs to the identity of one of two pods that have it',
      { sightings: [link('a'), link('x')], claims: [claim(IP, 'pod-a')] },
      ['a', 'x'],
    ],
    ['when an agent saw somebody else answer for it', { sightings: [link('a', { duplicates: [IP] })] }, ['a']],
    [
      'when two attachments are one LAN',
      { sightings: [link('a'), link('b', { attachment: 'wan' })], isOneLan: () => true },
      ['a', 'b'],
    ],
  ])('%s', (_, facts, expected) => {
    expect(names(judge(IP, facts))).toEqual(expected);
  });
});

describe('an address is where it should be', () => {
  test.each<readonly [string, Partial<AddressFacts>]>([
    ['when nobody has it', { claims: [claim(IP, 'pod-a')] }],
    ['when one pod has it, without an identity', { sightings: [link('a')] }],
    ['when the pod that holds the identity has it', { sightings: [link('a')], claims: [claim(IP, 'pod-a')] }],
    ['when two links of one pod have it', { sightings: [link('a'), link('a', { interface: 'net2' })] }],
    ['when the pods are on different LANs', { sightings: [link('a'), link('b', { attachment: 'wan' })] }],
    ['when an identity has it on another LAN', { sightings: [link('a')], claims: [claim(IP, 'pod-x', 'wan')] }],
    [
      'when somebody answered for another address of the link',
      { sightings: [link('a', { duplicates: ['192.0.2.9'] })] },
    ],
  ])('%s', (_, facts) => {
    expect(judge(IP, facts)).toBeUndefined();
  });
});

describe('what is told', () => {
  const two = [link('a'), link('b', { node: 'b' })];

  test('names the pods with their nodes, and whose it is', () => {
    const conflict = judge(IP, { sightings: two, claims: [claim(IP, 'pod-a')] });
    expect(conflict && describeConflict(conflict)).toBe(
      '192.0.2.50 on lan is in use by pod home/a on node a and pod home/b on node b. It belongs to MacvlanIdentity home/pod-a.',
    );
  });

  test('is about the other device where one answered', () => {
    const conflict = judge(IP, { sightings: [link('a', { duplicates: [IP] })] });
    expect(conflict && describeConflict(conflict)).toBe(
      '192.0.2.50 on lan is in use by pod home/a on node a and another device on the LAN.',
    );
  });

  test('tells both MAC addresses where they are known, and of a MAC address where else it is', () => {
    const mac = '02:4d:00:00:00:01';
    const ofAddress = link('a', { mac, duplicates: [IP], rivals: [{ address: IP, mac: '00:11:22:33:44:55' }] });
    const conflict = judge(IP, { sightings: [ofAddress] });
    expect(conflict && describeConflict(conflict)).toBe(
      '192.0.2.50 on lan is in use by pod home/a on node a (02:4d:00:00:00:01) and another device on the LAN (00:11:22:33:44:55).',
    );
    const ofMac = link('a', { mac, duplicates: [mac], rivals: [{ address: '192.0.2.9', mac }] });
    const other = judge(mac, { sightings: [ofMac] });
    expect(other && describeConflict(other)).toBe(
      '02:4d:00:00:00:01 on lan is in use by pod home/a on node a and another device on the LAN (192.0.2.9).',
    );
    expect(other && remedyFor(other)).toContain('choose another one for the pod');
    expect(conflict && remedyFor(conflict)).toContain('Give the other device another address');
  });

  test('does not grow without end', () => {
    const many = Array.from({ length: 40 }, (_, i) => link(`p${i}`));
    const conflict = judge(IP, { sightings: many });
    expect(conflict && describeConflict(conflict)).toContain('pod home/p10 on node a and 37 more.');
    const all = Array.from({ length: 9 }, (_, i) => judge(`192.0.2.${i}`, { sightings: two })).filter(
      (c) => c !== undefined,
    );
    expect(conflictProblem(all)).toMatchObject({ reason: 'AddressConflict', severity: 'Warning' });
    expect(conflictProblem(all)?.message).toContain('And 6 more addresses.');
    expect(conflictProblem(all.toReversed())).toEqual(conflictProblem(all));
    expect(conflictProblem([])).toBeUndefined();
  });
});

describe('what agents say', () => {
  const pod = (init: Partial<NodePod> = {}): NodePod => {
    const { node: _, ...rest } = link('a');
    return { ...rest, ...init };
  };
  const state = (pods: readonly NodePod[], incarnation = 'boot/2'): MacvlanNodeState => ({
    metadata: { name: 'a' },
    status: { pods, attachments: [{ name: 'lan', phase: 'Ready', incarnation }] },
  });

  test.each([
    ['02-4D-00-00-00-01', MAC],
    ['192.0.2.50/24', IP],
    ['FD00:0::1', 'fd00::1'],
    ['fe80::1', undefined],
    ['', undefined],
    ['nonsense', undefined],
  ])('has one spelling: %s', (text, expected) => {
    expect(addressKey(text)).toBe(expected);
  });

  test('counts for links that are there', () => {
    expect(addressesIn(state([pod(), pod({ ips: ['192.0.2.51', 'fe80::1'] })]))).toEqual([MAC, IP, '192.0.2.51']);
    for (const gone of ['Ghost', 'NeverAttached'] as const) {
      expect(addressesIn(state([pod({ state: gone })]))).toEqual([]);
      expect(sightingsIn(state([pod({ state: gone })]), IP)).toEqual([]);
    }
    expect(sightingsIn(state([pod()]), IP)).toMatchObject([{ node: 'a', name: 'a' }]);
  });

  test('is looked at where it is news', () => {
    expect(addressesBetween(undefined, state([pod()]))).toEqual([MAC, IP]);
    expect(addressesBetween(state([pod()]), state([pod()]))).toEqual([]);
    expect(addressesBetween(state([pod()]), undefined)).toEqual([MAC, IP]);
    expect(addressesBetween(state([pod()]), state([pod({ state: 'Stale' })]))).toEqual([]);
    expect(addressesBetween(state([pod()]), state([pod({ duplicates: [IP] })]))).toEqual([MAC, IP]);
    expect(addressesBetween(state([pod()]), state([pod()], 'boot/3'))).toEqual([MAC, IP, MAC, IP]);
  });

  test('makes attachments on one NIC one LAN', () => {
    const entry = (name: string, incarnation?: string) =>
      ({ name, phase: 'Ready', ...(incarnation === undefined ? {} : { incarnation }) }) as const;
    const on = (...attachments: readonly ReturnType<typeof entry>[]): MacvlanNodeState => ({
      metadata: { name: 'a' },
      status: { attachments },
    });
    expect(areOneLanOn(on(entry('lan', 'boot/2'), entry('wan', 'boot/2')), 'lan', 'wan')).toBe(true);
    expect(areOneLanOn(on(entry('lan', 'boot/2'), entry('wan', 'boot/3')), 'lan', 'wan')).toBe(false);
    expect(areOneLanOn(on(entry('lan'), entry('wan')), 'lan', 'wan')).toBe(false);
    expect(areOneLanOn(on(entry('lan', 'boot/2')), 'lan', 'wan')).toBe(false);
  });
});
