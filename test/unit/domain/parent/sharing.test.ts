import { describe, expect, test } from '@jest/globals';
import type { MacvlanMode } from '../../../../src/api/v1alpha1/attachment.ts';
import type { Link } from '../../../../src/domain/net/network.ts';
import { sharingProblems, type Tenant } from '../../../../src/domain/parent/sharing.ts';
import { attachment } from '../../../support/builders.ts';

function link(name: string, ifindex: number, more: Partial<Link> = {}): Link {
  return {
    ifindex,
    name,
    altNames: [],
    mac: '52:54:00:00:00:01',
    type: 'Ethernet',
    isUp: true,
    hasCarrier: true,
    isNoArp: false,
    mtu: 1500,
    isLowerElsewhere: false,
    ...more,
  };
}

const NIC = link('enp3s0', 2);
const OTHER = link('enp4s0', 3);

/** An attachment that was made at that second of the minute. */
function tenant(name: string, second: number, mode: MacvlanMode = 'bridge', parent: Link = NIC): Tenant {
  const creationTimestamp = `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  return { attachment: attachment({ name, metadata: { name, creationTimestamp }, spec: { mode } }), parent };
}

function refused(tenants: readonly Tenant[], links: readonly Link[] = []): readonly string[] {
  const found = [...sharingProblems(tenants, [NIC, OTHER, ...links]).keys()].sort();
  expect([...sharingProblems(tenants.toReversed(), [NIC, OTHER, ...links]).keys()].sort()).toEqual(found);
  return found;
}

describe('of the attachments that want one NIC', () => {
  test.each<[string, readonly Tenant[], readonly string[]]>([
    [
      'all may have it while nobody wants it alone',
      [tenant('a', 1), tenant('b', 2, 'private'), tenant('c', 3, 'vepa')],
      [],
    ],
    ['passthru may have it alone', [tenant('a', 1, 'passthru')], []],
    ['a younger passthru may not', [tenant('old', 1), tenant('young', 2, 'passthru')], ['young']],
    [
      'nobody may beside an older passthru',
      [tenant('z', 1, 'passthru'), tenant('a', 2), tenant('b', 3, 'passthru')],
      ['a', 'b'],
    ],
    ['the name decides between two of one second', [tenant('b', 1, 'passthru'), tenant('a', 1)], ['b']],
    ['one that is refused refuses nobody', [tenant('a', 1), tenant('b', 2, 'passthru'), tenant('c', 3)], ['b']],
    ['those on another NIC are not concerned', [tenant('a', 1), tenant('b', 2, 'passthru', OTHER)], []],
  ])('%s', (_, tenants, expected) => {
    expect(refused(tenants)).toEqual(expected);
  });

  test('the younger one is told who has it, and what to do', () => {
    const problem = sharingProblems([tenant('cam', 1, 'passthru'), tenant('lan', 2)], [NIC]).get('lan');
    expect(problem).toEqual({
      reason: 'ParentTaken',
      message: 'enp3s0 belongs to the attachment cam alone, whose mode is passthru.',
      remedy: 'Give lan or cam another NIC, or both a mode other than passthru; the older one keeps the NIC.',
    });
  });
});

describe('a link that somebody else put on the NIC', () => {
  const child = (more: Partial<Link>) => link('theirs', 9, { lower: NIC.ifindex, ...more });
  test.each<[string, MacvlanMode, Partial<Link>, readonly string[]]>([
    ['as macvlan keeps passthru out', 'passthru', { kind: 'macvlan', macvlanMode: 'bridge' }, ['lan']],
    ['as macvlan lets bridge in', 'bridge', { kind: 'macvlan', macvlanMode: 'bridge' }, []],
    ['as passthru keeps everybody out', 'bridge', { kind: 'macvtap', macvlanMode: 'passthru' }, ['lan']],
    ['as ipvlan keeps everybody out', 'private', { kind: 'ipvlan' }, ['lan']],
    ['as VLAN keeps nobody out', 'passthru', { kind: 'vlan' }, []],
    ['on another NIC keeps nobody out', 'passthru', { kind: 'macvlan', lower: OTHER.ifindex }, []],
    ['in another namespace is on another NIC', 'passthru', { kind: 'macvlan', isLowerElsewhere: true }, []],
    ['that is our own shim goes by itself', 'passthru', { kind: 'macvlan', name: 'mvs-abc' }, []],
  ])('%s', (_, mode, more, expected) => {
    expect(refused([tenant('lan', 1, mode)], [child(more)])).toEqual(expected);
  });

  test('is named', () => {
    const links = [NIC, child({ kind: 'macvtap', macvlanMode: 'passthru' })];
    const problem = sharingProblems([tenant('lan', 1)], links).get('lan');
    expect(problem?.message).toBe(
      'enp3s0 carries the macvtap (passthru) link theirs, which the kernel allows nothing of mode bridge beside.',
    );
    expect(problem?.remedy).toBe('Delete theirs, or give lan another NIC.');
  });
});
