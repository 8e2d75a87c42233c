// Whatever lies in the result cache: reading it never fails, and what comes out can be made into messages for the kernel.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodePodAddress, encodePodRoute } from '../../src/agent/netlink/pod-link.ts';
import { parseCachedLink } from '../../src/domain/pod/cached-link.ts';
import { seeded } from '../support/seed.ts';

const decode = (text: string): string => Buffer.from(text, 'base64').toString();

const word = fc.oneof(
  fc.constantFrom(
    'net1',
    'lan',
    '10.0.0.1/24',
    '10.0.0.1',
    '2001:db8::1/64',
    '::/0',
    '0.0.0.0/0',
    '1.2.3.4.5/8',
    ':::::/3',
  ),
  fc.string(),
);
const anything = fc.oneof(word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.jsonValue());
const list = (item: fc.Arbitrary<unknown>) => fc.oneof(fc.array(item, { maxLength: 4 }), anything);
const fields = (keys: readonly string[]) =>
  fc.oneof(fc.record(Object.fromEntries(keys.map((key) => [key, anything])), { requiredKeys: [] }), anything);

const config = fc.oneof(
  fc.constant({ plugins: [{ type: 'macvlan' }] }),
  fc.record({ plugins: list(fields(['type', 'mode', 'mtu', 'ipam', 'args'])) }),
  anything,
);
const names = ['K8S_POD_NAMESPACE', 'K8S_POD_NAME', 'K8S_POD_UID'].map((key) => [key, 'x']);
const file = fc.record({
  config: config.map((value) => Buffer.from(JSON.stringify(value)).toString('base64')),
  cniArgs: fc.oneof(fc.constant(names), list(list(word))),
  ifName: fc.oneof(fc.constant('net1'), anything),
  netns: fc.oneof(fc.constant('/run/netns/a'), anything),
  networkName: fc.oneof(fc.constant('lan'), anything),
  result: fc.oneof(
    fc.record({
      interfaces: list(fields(['name', 'mac', 'sandbox'])),
      ips: list(fields(['address', 'gateway', 'interface'])),
      routes: list(fields(['dst', 'gw', 'priority', 'table', 'scope', 'mtu', 'advmss'])),
    }),
    anything,
  ),
});

test('a file of any content is read or left out', () => {
  let read = 0;
  fc.assert(
    fc.property(file, (content) => {
      const link = parseCachedLink(JSON.stringify(content), decode);
      if (link === undefined) return;
      read += 1;
      for (const address of link.addresses) expect(encodePodAddress(1, address).length).toBeGreaterThan(16);
      for (const route of link.routes) expect(encodePodRoute(1, route).length).toBeGreaterThan(16);
    }),
    seeded('cached links', 2000),
  );
  expect(read).toBeGreaterThan(50);
});
