// The DHCP daemons' DaemonSet: what runs on nodes whose pods have addresses by DHCP, and with which rights.
import { expect, test } from '@jest/globals';
import { dhcpDaemonSetFor } from '../../src/domain/attachment/dhcp-daemonset.ts';
import type { NodeProgramSettings } from '../../src/domain/attachment/node-daemonset.ts';
import { expectGolden } from './golden.ts';

const settings: NodeProgramSettings = {
  namespace: 'macvlan-system',
  image: 'registry.example/macvlan-operator:1.2.3',
  pullPolicy: 'IfNotPresent',
  logLevel: 'info',
};

test('the DaemonSet is as it was reviewed', () => {
  expectGolden('dhcp-daemonset.json', dhcpDaemonSetFor(settings));
});

test('a new version of the operator changes the template, and restarts no daemon', () => {
  const upgraded = dhcpDaemonSetFor({ ...settings, image: 'registry.example/macvlan-operator:1.3.0' });
  expect(upgraded.metadata.annotations).not.toEqual(dhcpDaemonSetFor(settings).metadata.annotations);
  expect(upgraded.spec).toMatchObject({ updateStrategy: { type: 'OnDelete' } });
});

test('the DaemonSet belongs to the ServiceAccount where there is one', () => {
  const owner = { apiVersion: 'v1', kind: 'ServiceAccount', name: 'macvlan-agent', uid: 'u' };
  expect(dhcpDaemonSetFor({ ...settings, owner }).metadata.ownerReferences).toEqual([owner]);
});
