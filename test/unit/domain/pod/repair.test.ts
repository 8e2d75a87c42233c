// What it takes to make a link again, and which links are refused.
import { expect, test } from '@jest/globals';
import type { CachedLink } from '../../../../src/domain/pod/cached-link.ts';
import { planRepair } from '../../../../src/domain/pod/repair.ts';

const link: CachedLink = {
  ...{ namespace: 'home', name: 'web', uid: 'uid-web', attachment: 'lan', interface: 'net1' },
  ...{ netns: '/run/netns/a', mac: '02:00:00:00:00:01' },
  addresses: [{ address: '192.0.2.1', prefixLength: 24 }],
  routes: [
    { destination: '0.0.0.0', prefixLength: 0, gateway: '198.51.100.1' },
    { destination: '198.51.100.1', prefixLength: 32 },
  ],
  settings: { master: 'mva-lan', mode: 'private', mtu: 1400, ipam: 'static', chained: [], fingerprint: '' },
};

const dhcp = { ...link.settings, ipam: 'dhcp', daemonSocket: '/run/macvlan-operator/dhcp.sock' };

test("with a lease of the operator's own daemon, addresses and routes are the server's to give", () => {
  expect(planRepair({ ...link, container: 'abc', settings: dhcp }, 7)).toMatchObject({
    addresses: [],
    routes: [],
    lease: { container: 'abc', network: 'lan', interface: 'net1' },
  });
});

test('the link is made on the verified NIC with everything that it had, the ways to routers before the routers', () => {
  expect(planRepair(link, 7)).toEqual({
    ...{ netns: '/run/netns/a', name: 'net1', mac: '02:00:00:00:00:01', mode: 'private', mtu: 1400, parent: 7 },
    addresses: link.addresses,
    routes: link.routes.toReversed(),
  });
});

test.each<[string, Partial<CachedLink>, string]>([
  ['other plugins ran on it', { settings: { ...link.settings, chained: ['tuning', 'sbr'] } }, '(tuning, sbr)'],
  ['a NAD of somebody else made it', { settings: { ...link.settings, master: 'eth0' } }, "somebody else's"],
  [
    'its address comes by DHCP from another daemon',
    { settings: { ...link.settings, ipam: 'dhcp' } },
    "not the operator's",
  ],
  ['it is not known by which name its lease goes', { settings: dhcp }, 'by which name'],
  ['its MAC address is not known', { mac: '' }, 'MAC address'],
])('it is refused when %s, with a reason and a remedy', (_, change, because) => {
  expect(planRepair({ ...link, ...change }, 7)).toMatchObject({
    reason: 'RepairRefused',
    message: expect.stringContaining(because),
    remedy: expect.stringContaining('Delete the pod'),
  });
});
