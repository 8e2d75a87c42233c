// Which addresses a link has, from what the plugins gave it and what the kernel shows on it.
import { describe, expect, test } from '@jest/globals';
import { addressesOf, type LinkAddresses, type LiveAddress } from '../../../../src/domain/pod/live-addresses.ts';
import { cachedLink } from '../../../support/pods.ts';

const GIVEN = ['10.9.0.2', 'fd00::2'];
const set = (address: string): LiveAddress => ({ address, isUsable: true, isPermanent: true });
const leased = (address: string): LiveAddress => ({ address, isUsable: true, isPermanent: false });

const cases: Readonly<Record<string, [ipam: string, live: readonly LiveAddress[] | undefined, LinkAddresses]>> = {
  'that nobody has looked at has what it was given': ['static', undefined, { granted: GIVEN, learnt: [] }],
  'has what it was given and still has': ['static', GIVEN.map(set), { granted: GIVEN, learnt: [] }],
  'has what it was given for good, also when something in the pod has taken it from the link': [
    'static',
    [set('10.9.0.2')],
    { granted: GIVEN, learnt: [] },
  ],
  'without IPAM has no more what it was given and lost': ['', [set('10.9.0.2')], { granted: ['10.9.0.2'], learnt: [] }],
  'has an address that it was given also while duplicates are searched for': [
    'static',
    [set('10.9.0.2'), { address: 'fd00::2', isUsable: false, isPermanent: true }],
    { granted: GIVEN, learnt: [] },
  ],
  'has come to an address that a router advertised': [
    'static',
    [...GIVEN.map(set), leased('2001:db8::2')],
    { granted: GIVEN, learnt: ['2001:db8::2'] },
  ],
  'has not come to it before the search for duplicates is over': [
    'static',
    [...GIVEN.map(set), { address: '2001:db8::2', isUsable: false, isPermanent: false }],
    { granted: GIVEN, learnt: [] },
  ],
  'has not come to an address that it has given itself': [
    'static',
    [...GIVEN.map(set), set('10.9.0.3'), leased('10.9.0.4'), set('fd00::3')],
    { granted: GIVEN, learnt: [] },
  ],
  'on DHCP has the address of its new lease, and not that of the old one': [
    'dhcp',
    [leased('10.9.0.77')],
    { granted: [], learnt: ['10.9.0.77'] },
  ],
  'without IPAM has what it has given itself': [
    '',
    [set('10.9.0.2'), set('10.9.0.5'), set('fd00::5')],
    { granted: ['10.9.0.2'], learnt: ['10.9.0.5', 'fd00::5'] },
  ],
};

describe('a link', () => {
  test.each(Object.entries(cases))('%s', (_name, [ipam, live, expected]) => {
    const cached = cachedLink('web', { ips: GIVEN });
    expect(addressesOf({ ...cached, settings: { ...cached.settings, ipam } }, live)).toEqual(expected);
  });

  test('with addresses without end has the first few, always the same', () => {
    const many = Array.from({ length: 300 }, (_, i) => leased(`fd00::1:${i.toString(16)}`));
    const { learnt } = addressesOf(cachedLink('web', { ips: [] }), many);
    expect(learnt).toHaveLength(8);
    expect(addressesOf(cachedLink('web', { ips: [] }), many.toReversed()).learnt).toEqual(learnt);
  });
});
