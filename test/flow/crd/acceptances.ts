// What users get right in less usual ways: the rules of the schema must not stand in the way.

/** Each ends the sentence "is accepted with …"; the fields are merged over a spec that is right. */
export const acceptances: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'every fact about a NIC at once': {
    parents: [
      {
        nodeSelector: { 'kubernetes.io/hostname': 'nas' },
        interface: {
          name: 'enp3s0',
          namePattern: 'enp*s?',
          altName: 'enx525400123456',
          mac: '52:54:00:12:34:AB',
          pciAddress: '10000:E1:00.0',
          driver: 'virtio_net',
          subnet: '2001:db8::/64',
          defaultRoute: 'IPv6',
        },
      },
    ],
  },
  'a pool of both address families': {
    ipam: {
      type: 'Pool',
      pool: {
        ranges: [
          {
            subnet: '192.0.2.0/24',
            start: '192.0.2.9',
            end: '192.0.2.10',
            gateway: '192.0.2.1',
            exclude: ['192.0.2.9'],
          },
          {
            subnet: '2001:db8::/64',
            start: '2001:db8::9',
            end: '2001:db8::10:0',
            gateway: '2001:db8::1',
            exclude: ['2001:db8::f', '2001:db8::100/120'],
          },
        ],
        routes: [{ to: '::/0' }, { to: '10.0.0.0/8', via: '192.0.2.2' }],
        dns: {
          nameservers: ['192.0.2.53', '2001:db8::53'],
          domain: 'home.arpa.',
          search: ['lan'],
          options: ['ndots:2'],
        },
      },
    },
  },
  'a range of one address': {
    ipam: {
      type: 'HostLocal',
      hostLocal: { ranges: [{ subnet: '192.0.2.0/24', start: '192.0.2.9', end: '192.0.2.9' }] },
    },
  },
  'a range whose end has the smaller last octet': {
    ipam: {
      type: 'HostLocal',
      hostLocal: { ranges: [{ subnet: '10.0.0.0/8', start: '10.0.1.200', end: '10.1.0.2' }] },
    },
  },
  'the largest range that there is': {
    ipam: {
      type: 'HostLocal',
      hostLocal: { ranges: [{ subnet: '0.0.0.0/0', start: '0.0.0.1', end: '255.255.255.254' }] },
    },
  },
  'DHCP options by number and by name': {
    ipam: {
      type: 'DHCP',
      dhcp: { hostName: 'None', request: { options: ['1', '99', '121', '254', 'routers'], defaults: 'Omit' } },
    },
  },
  "somebody else's DHCP daemon": {
    ipam: { type: 'DHCP', dhcp: { daemon: { type: 'External', socketPath: '/run/cni/dhcp.sock' } } },
  },
  'Static and leave to pin': { pins: 'Allow', ipam: { type: 'Static', static: { routes: [{ to: '0.0.0.0/0' }] } } },
  'leave to pin and another type': { pins: 'Allow' },
  'eight chained plugins': { chain: Array.from({ length: 8 }, (_, table) => ({ type: 'sbr', table })) },
  'labels and annotations for the NADs': {
    networkDefinition: {
      labels: { team: 'home', 'example.org/tier': '', 'macvlan.device/x': 'y' },
      annotations: { 'k8s.v1.cni.cncf.io/resourceName': 'intel.com/nic', note: 'any text: "quoted", {braced}' },
    },
  },
  'nodes by labels of others': {
    nodeSelector: {
      matchLabels: { 'macvlan.device/x': 'y' },
      matchExpressions: [{ key: 'node-role.kubernetes.io/edge', operator: 'Exists' }],
    },
  },
  'the oldest CNI version': { cniVersion: '0.3.1' },
};
