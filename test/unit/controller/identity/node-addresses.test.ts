import { expect, test } from '@jest/globals';
import type { Node } from '../../../../src/api/kube.ts';
import type { MacvlanNodeState } from '../../../../src/api/v1alpha1/node-state.ts';
import { isNicMac, isNodeAddress } from '../../../../src/controller/identity/node-addresses.ts';
import { createStores, cutNode } from '../../../../src/controller/stores.ts';
import { node } from '../../../support/builders.ts';

const address = (type: string, text: string) => ({ type, address: text });

test('an address by which the cluster knows a node is nobody else’s, before an agent has told of any', () => {
  const stores = createStores();
  const addresses = [
    address('InternalIP', '192.0.2.10'),
    address('InternalIP', '2001:DB8:0::10'),
    address('Hostname', 'a'),
    address('ExternalIP', '203.0.113.10'),
  ];
  const known: Node = { ...node('a'), status: { addresses } };
  stores.nodes.upsert(cutNode(known));
  stores.nodes.upsert(cutNode(node('b')));
  const asked = ['192.0.2.10', '2001:db8::10', '2001:DB8:0:0::10', 'a', '203.0.113.10', '192.0.2.11'];
  expect(asked.filter((text) => isNodeAddress(stores, 'lan', text))).toEqual([
    '192.0.2.10',
    '2001:db8::10',
    '2001:DB8:0:0::10',
  ]);
});

test('of what an agent tells, the addresses of the NIC of the attachment count there, and the MACs of all NICs everywhere', () => {
  const stores = createStores();
  const nic = { ifindex: 2, mtu: 1500, state: 'Up' } as const;
  const state: MacvlanNodeState = {
    metadata: { name: 'a' },
    status: {
      attachments: [{ name: 'lan', phase: 'Ready', interface: 'eth0', problems: [] }],
      interfaces: [
        { name: 'eth0', mac: '52:54:00:00:00:AA', addresses: ['192.168.7.1/24'], ...nic },
        {
          name: 'eth1',
          mac: '52:54:00:00:00:02',
          permanentMac: '52:54:00:00:00:03',
          addresses: ['10.0.0.1/8'],
          ...nic,
        },
      ],
    },
  };
  stores.nodeStates.upsert(state);
  expect(isNodeAddress(stores, 'lan', '192.168.7.1')).toBe(true);
  expect(isNodeAddress(stores, 'lan', '10.0.0.1')).toBe(false);
  expect(isNodeAddress(stores, 'other', '192.168.7.1')).toBe(false);
  const macs = ['52:54:00:00:00:aa', '52:54:00:00:00:02', '52:54:00:00:00:03', '52:54:00:00:00:04'];
  expect(macs.filter((mac) => isNicMac(stores, mac))).toEqual(macs.slice(0, 3));
  stores.nodeStates.remove('a');
  expect(macs.some((mac) => isNicMac(stores, mac))).toBe(false);
});
