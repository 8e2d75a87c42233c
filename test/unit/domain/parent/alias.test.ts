// Altnames: put on, moved, taken away, and only those with our prefix.
import { expect, test } from '@jest/globals';
import { diffAliases } from '../../../../src/domain/parent/alias.ts';
import { link } from '../../../support/network.ts';

const NONE: ReadonlySet<string> = new Set();

test('an alias is added to its NIC, and nothing happens when it is there', () => {
  const nic = link();
  expect(diffAliases(new Map([['mva-lan', 2]]), NONE, [nic])).toEqual([
    { type: 'AddAltName', ifindex: 2, name: 'mva-lan' },
  ]);
  expect(diffAliases(new Map([['mva-lan', 2]]), NONE, [{ ...nic, altNames: ['mva-lan'] }])).toEqual([]);
});

test('an alias that moves is removed first, since it can be on one NIC only', () => {
  const links = [link({ altNames: ['mva-lan'] }), link({ ifindex: 3 })];
  expect(diffAliases(new Map([['mva-lan', 3]]), NONE, links)).toEqual([
    { type: 'RemoveAltName', ifindex: 2, name: 'mva-lan' },
    { type: 'AddAltName', ifindex: 3, name: 'mva-lan' },
  ]);
});

test('an alias of ours that nobody wants is removed wherever it is, and other altnames stay, whatever they look like', () => {
  const links = [link({ altNames: ['enx525400000002', 'mva-gone', 'mv-lan', 'mva-uplink'] })];
  expect(diffAliases(new Map(), new Set(['mva-gone']), links)).toEqual([
    { type: 'RemoveAltName', ifindex: 2, name: 'mva-gone' },
  ]);
});

test('an alias for a NIC that is gone is on no NIC', () => {
  const links = [link({ altNames: ['mva-lan'] })];
  expect(diffAliases(new Map([['mva-lan', 7]]), NONE, links)).toEqual([
    { type: 'RemoveAltName', ifindex: 2, name: 'mva-lan' },
  ]);
});
