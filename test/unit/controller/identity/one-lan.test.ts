import { expect, test } from '@jest/globals';
import type { Node } from '../../../../src/api/kube.ts';
import { nodeAddressesOn } from '../../../../src/controller/identity/one-lan.ts';
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
  expect([...nodeAddressesOn(stores, 'lan')]).toEqual(['192.0.2.10', '2001:db8::10']);
});
