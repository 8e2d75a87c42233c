// Which links carry the frames of a parent: the whole pile below it, also where that is oddly built.
import { describe, expect, test } from '@jest/globals';
import { carriersOf, standsOn } from '../../../../../src/domain/parent/preflight/facts.ts';
import { link } from '../../../../support/network.ts';

const nic = link({ ifindex: 2, name: 'eth0', master: 3 });
const bond = link({ ifindex: 3, name: 'bond0', kind: 'bond' });
const vlan = link({ ifindex: 4, name: 'bond0.7', kind: 'vlan', lower: 3, master: 5 });
const bridge = link({ ifindex: 5, name: 'br0', kind: 'bridge' });
const namesOf = (links: readonly { readonly name: string }[]) => links.map(({ name }) => name).sort();

describe('what a link stands on', () => {
  test('is what is below it, link by link', () => {
    expect(namesOf(standsOn(vlan, [nic, bond, vlan, bridge]))).toEqual(['bond0', 'bond0.7']);
    expect(namesOf(standsOn(nic, [nic, bond]))).toEqual(['eth0']);
  });

  test('ends where the one below is in another namespace, or is not seen', () => {
    expect(standsOn({ ...vlan, isLowerElsewhere: true }, [bond, vlan])).toHaveLength(1);
    expect(standsOn(vlan, [vlan])).toEqual([vlan]);
  });

  test('ends where links stand on each other, as the two ends of a cable do', () => {
    const [one, other] = [link({ ifindex: 6, kind: 'veth', lower: 7 }), link({ ifindex: 7, kind: 'veth', lower: 6 })];
    expect(standsOn(one, [one, other])).toEqual([one, other]);
    expect(carriersOf(one, [one, other])).toHaveLength(2);
  });
});

describe('what carries the frames of a link', () => {
  test('goes through bridges and bonds to their ports', () => {
    expect(namesOf(carriersOf(bridge, [nic, bond, vlan, bridge]))).toEqual(['bond0', 'bond0.7', 'br0', 'eth0']);
  });

  test('is no cable of a pod or of a virtual machine that hangs on the same bridge', () => {
    const pod = link({ ifindex: 8, name: 'veth1', kind: 'veth', isLowerElsewhere: true, lower: 2, master: 5 });
    const machine = link({ ifindex: 9, name: 'vnet0', kind: 'tun', master: 5 });
    expect(namesOf(carriersOf(bridge, [bridge, pod, machine]))).toEqual(['br0']);
  });
});
