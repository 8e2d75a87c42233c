// Which differences between the settings of a link and those of its attachment count.
import { expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import { formatConfig } from '../../../../src/domain/attachment/network-definition.ts';
import { parseSettings, settingsOf } from '../../../../src/domain/pod/link-settings.ts';
import { attachment } from '../../../support/builders.ts';

const configOf = (spec: Partial<MacvlanAttachmentSpec> = {}) =>
  JSON.parse(formatConfig(attachment({ spec }))) as { cniVersion: string; plugins: Record<string, unknown>[] };
const wanted = settingsOf(attachment())?.fingerprint;

test('a link that was made with the configuration of now has the same settings', () => {
  expect(parseSettings(configOf())?.fingerprint).toBe(wanted);
});

test('neither what Multus adds for one pod nor the order of keys counts', () => {
  const [macvlan = {}] = configOf().plugins;
  const reversed = Object.fromEntries(Object.entries(macvlan).toReversed());
  const plugins = [{ ...reversed, args: { cni: { a: 1 } }, runtimeConfig: { mac: 'x' } }];
  expect(parseSettings({ ...configOf(), plugins })?.fingerprint).toBe(wanted);
  expect(parseSettings({ ...configOf(), cniVersion: '0.3.1' })?.fingerprint).toBe(wanted);
});

test.each<[string, Partial<MacvlanAttachmentSpec>]>([
  ['the mode', { mode: 'private' }],
  ['the MTU', { mtu: 1400 }],
  ['the type of addresses', { ipam: { type: 'None' } }],
  ['who gets the leases', { ipam: { type: 'DHCP', dhcp: { daemon: { type: 'External' } } } }],
  ['how addresses are asked for', { ipam: { type: 'DHCP', dhcp: { hostName: 'None' } } }],
  ['plugins after macvlan', { chain: [{ type: 'sbr' }] }],
])('%s counts', (_, spec) => {
  expect(parseSettings(configOf(spec))?.fingerprint).not.toBe(wanted);
});

test('a single plugin instead of a list is read, too', () => {
  expect(parseSettings({ type: 'macvlan', master: 'eth0' })).toMatchObject({ mode: 'bridge', ipam: '', chained: [] });
});

test.each([undefined, null, 'text', [], { plugins: [] }, { plugins: ['macvlan'] }, { type: 'bridge' }])(
  'no settings are in %j',
  (config) => {
    expect(parseSettings(config)).toBeUndefined();
  },
);
