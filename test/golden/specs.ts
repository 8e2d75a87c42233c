// Every way in which an attachment can be rendered that is worth looking at, by the name of its golden file. The files are also
// fed to the real CNI plugins (test/netns/golden-cni.test.ts).
import type { MacvlanAttachmentSpec } from '../../src/api/v1alpha1/attachment.ts';

const RANGE = { subnet: '192.0.2.0/24', start: '192.0.2.100', end: '192.0.2.150', gateway: '192.0.2.1' };
const RANGE_V6 = { subnet: '2001:db8::/64', start: '2001:db8::100' };

export const goldenSpecs: Readonly<Record<string, Partial<MacvlanAttachmentSpec>>> = {
  'dhcp-by-mac': { ipam: { type: 'DHCP' } },
  'dhcp-by-pod-name': { ipam: { type: 'DHCP', dhcp: { clientId: 'PodName' } } },
  'dhcp-by-plugin': { ipam: { type: 'DHCP', dhcp: { clientId: 'Plugin' } } },
  'dhcp-without-names': { ipam: { type: 'DHCP', dhcp: { clientId: 'Plugin', hostName: 'None' } } },
  'dhcp-with-more-options': {
    ipam: { type: 'DHCP', dhcp: { hostName: 'None', request: { options: ['121', 'routers', '42'] } } },
  },
  'dhcp-with-other-options': {
    ipam: { type: 'DHCP', dhcp: { request: { options: ['subnet-mask', '121'], defaults: 'Omit' } } },
  },
  'dhcp-from-an-external-daemon': { ipam: { type: 'DHCP', dhcp: { daemon: { type: 'External' } } } },
  'dhcp-from-an-external-daemon-elsewhere': {
    ipam: { type: 'DHCP', dhcp: { daemon: { type: 'External', socketPath: '/run/other/dhcp.sock' } } },
  },
  static: {
    pins: 'Allow',
    ipam: { type: 'Static', static: { routes: [{ to: '10.0.0.0/8', via: '192.0.2.1' }, { to: '198.51.100.0/24' }] } },
  },
  'static-without-routes': { pins: 'Allow', ipam: { type: 'Static' } },
  'static-with-dns': {
    pins: 'Allow',
    ipam: {
      type: 'Static',
      static: {
        dns: {
          nameservers: ['192.0.2.53', '2001:db8::53'],
          domain: 'home.arpa',
          search: ['home.arpa'],
          options: ['ndots:1'],
        },
      },
    },
  },
  'static-vepa': { pins: 'Allow', mode: 'vepa', ipam: { type: 'Static' } },
  'static-passthru': { pins: 'Allow', mode: 'passthru', ipam: { type: 'Static' } },
  'host-local-one-range': { ipam: { type: 'HostLocal', hostLocal: { ranges: [{ subnet: '192.0.2.0/24' }] } } },
  'host-local-both-families': {
    ipam: {
      type: 'HostLocal',
      hostLocal: {
        ranges: [RANGE, RANGE_V6, { ...RANGE, start: '192.0.2.200', end: '192.0.2.250' }],
        routes: [{ to: '0.0.0.0/0' }],
      },
    },
  },
  pool: { ipam: { type: 'Pool', pool: { ranges: [RANGE] } } },
  'pool-with-routes': {
    ipam: {
      type: 'Pool',
      pool: {
        ranges: [
          { ...RANGE, exclude: ['192.0.2.110', '192.0.2.128/29'] },
          { ...RANGE_V6, gateway: '2001:db8::1' },
        ],
        routes: [{ to: '10.0.0.0/8' }, { to: '198.51.100.0/24', via: '192.0.2.2' }, { to: '2001:db8:1::/48' }],
        dns: { nameservers: ['192.0.2.53'] },
      },
    },
  },
  'no-addresses': { ipam: { type: 'None' } },
  'no-addresses-private-jumbo': { ipam: { type: 'None' }, mode: 'private', mtu: 9000 },
  raw: {
    ipam: {
      type: 'Raw',
      raw: {
        config: {
          type: 'host-local',
          ranges: [[{ subnet: '192.0.2.0/24', rangeStart: '192.0.2.200' }]],
          dataDir: '/run/ranges',
          routes: [],
        },
      },
    },
  },
  'chain-tuning': {
    ipam: { type: 'HostLocal', hostLocal: { ranges: [RANGE] } },
    chain: [{ type: 'tuning', sysctl: { 'net.ipv4.conf.IFNAME.arp_announce': '2' }, mtu: 1400 }],
  },
  'chain-tuning-sbr': {
    pins: 'Allow',
    ipam: { type: 'Static', static: { routes: [{ to: '198.51.100.0/24', via: '192.0.2.1' }] } },
    chain: [{ sysctl: { 'net.ipv4.conf.IFNAME.arp_announce': '2' }, type: 'tuning' }, { type: 'sbr' }],
  },
  'cni-0.3.1': { cniVersion: '0.3.1', pins: 'Allow', ipam: { type: 'Static' } },
  'cni-0.3.1-host-local': {
    cniVersion: '0.3.1',
    ipam: { type: 'HostLocal', hostLocal: { ranges: [RANGE] } },
    chain: [{ type: 'tuning' }],
  },
  'cni-1.1.0': { cniVersion: '1.1.0', ipam: { type: 'HostLocal', hostLocal: { ranges: [RANGE, RANGE_V6] } } },
  'own-labels-and-annotations': {
    ipam: { type: 'None' },
    networkDefinition: { labels: { team: 'home', app: '' }, annotations: { 'example.org/contact': 'ops@example.org' } },
  },
};
