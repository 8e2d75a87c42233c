// What users get wrong, and the sentence that the API server must answer with: rules of the schema, nothing of our own running.

/** A MacvlanAttachment that is right, with one thing changed. */
export interface Refusal {
  /** Ends the sentence "refuses …". */
  readonly what: string;
  readonly name?: string;
  /** Merged over a spec that is right. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** What the answer must say: where, and what would be right. */
  readonly says: readonly string[];
}

const range = (fields: object) => ({
  type: 'HostLocal',
  hostLocal: { ranges: [{ subnet: '192.0.2.0/24', ...fields }] },
});

const badName = 'metadata.name must be one that pods can use in their networks annotation';
const badMac = 'must be a MAC address of six octets such as 52:54:00:12:34:56';

const badFacts =
  'name at least one fact about the NIC: name, namePattern, altName, mac, pciAddress, driver, subnet or defaultRoute';
const outside = 'must lie inside subnet';

const pool = (fields: object) => ({ type: 'Pool', pool: { ranges: [{ subnet: '192.0.2.0/24', ...fields }] } });
const parent = (fact: object) => ({ parents: [{ interface: fact }] });
const raw = (config: unknown) => ({ ipam: { type: 'Raw', raw: { config } } });
const request = (...options: string[]) => ({ ipam: { type: 'DHCP', dhcp: { request: { options } } } });
const staticDns = (dns: object) => ({ pins: 'Allow', ipam: { type: 'Static', static: { dns } } });
const ownLabel = 'must not name labels in macvlan.dev/: the operator puts these on the nodes that are selected';
const badPlugin = 'must be the name of a CNI plugin';

export const refusals: readonly Refusal[] = [
  { what: 'a name with a dot', name: 'lan.home', spec: {}, says: [badName, 'no dots'] },
  { what: 'a name of 64 characters', name: 'l'.repeat(64), spec: {}, says: [badName, 'at most 63'] },
  {
    what: 'a gateway to ask where nobody is to be asked',
    spec: { macFilterProbe: { type: 'None', gateway: '192.0.2.1' } },
    says: ['spec.macFilterProbe', 'gateway belongs to type Gateway'],
  },
  {
    what: 'a gateway with an IPv6 address for the MAC-filter probe',
    spec: { macFilterProbe: { type: 'Gateway', gateway: 'fd00::1' } },
    says: ['spec.macFilterProbe.gateway', 'must be an IPv4 address such as 192.168.1.1'],
  },
  {
    what: 'an unknown mode',
    spec: { mode: 'bridged' },
    says: ['spec.mode', 'supported values: "bridge", "private", "vepa", "passthru"'],
  },
  {
    what: 'an entry of parents without a fact',
    spec: { parents: [{ interface: {} }] },
    says: ['spec.parents[0].interface', badFacts],
  },
  {
    what: 'an entry of parents without an interface',
    spec: { parents: [{}] },
    says: ['spec.parents[0].interface: Required value'],
  },
  {
    what: 'a MAC address with too few octets',
    spec: { parents: [{ interface: { mac: '52:54:00' } }] },
    says: ['spec.parents[0].interface.mac', badMac],
  },
  {
    what: 'a MAC address with hyphens',
    spec: { parents: [{ interface: { mac: '52-54-00-12-34-56' } }] },
    says: ['"52-54-00-12-34-56"', badMac],
  },
  {
    what: 'the name of a NIC that is too long for the kernel',
    spec: { parents: [{ interface: { name: 'enp129s0f1np1vf12' } }] },
    says: ['spec.parents[0].interface.name', 'must be the name of a NIC: 1 to 15 characters'],
  },
  {
    what: 'an address family that does not exist',
    spec: { parents: [{ interface: { defaultRoute: 'IPX' } }] },
    says: ['supported values: "IPv4", "IPv6"'],
  },
  {
    what: 'an address where a subnet belongs',
    spec: { ipam: range({ subnet: '192.0.2.0' }) },
    says: ['ranges[0].subnet: Invalid value: "192.0.2.0"', 'must be a subnet such as 192.168.1.0/24'],
  },
  {
    what: "a subnet that is written with a host's address",
    spec: { ipam: range({ subnet: '192.0.2.7/24' }) },
    says: ['must be written with its first address'],
  },
  {
    what: 'a gateway that is not an address',
    spec: { ipam: range({ gateway: 'router' }) },
    says: ['"router"', 'must be an IP address such as 192.168.1.10'],
  },
  {
    what: 'a range that starts outside its subnet',
    spec: { ipam: range({ start: '198.51.100.1' }) },
    says: ['start must lie inside subnet'],
  },
  {
    what: 'a gateway of the other address family',
    spec: { ipam: range({ gateway: '2001:db8::1' }) },
    says: ['gateway must lie inside subnet'],
  },
  {
    what: 'type HostLocal without ranges',
    spec: { ipam: { type: 'HostLocal' } },
    says: ['type HostLocal needs hostLocal'],
  },
  {
    what: 'settings of another type',
    spec: { ipam: { type: 'None', dhcp: { clientId: 'MAC' } } },
    says: ['spec.ipam', 'dhcp belongs to type DHCP'],
  },
  {
    what: "a socket for the operator's own DHCP daemon",
    spec: { ipam: { type: 'DHCP', dhcp: { daemon: { type: 'Managed', socketPath: '/run/cni/dhcp.sock' } } } },
    says: ['spec.ipam.dhcp.daemon', 'socketPath belongs to type External'],
  },
  {
    what: 'a socket that is no path',
    spec: { ipam: { type: 'DHCP', dhcp: { daemon: { type: 'External', socketPath: 'dhcp.sock' } } } },
    says: ['spec.ipam.dhcp.daemon.socketPath', 'must be an absolute path'],
  },
  {
    what: 'namespaces that are not said',
    spec: { namespaces: {} },
    says: ['spec.namespaces', 'say which namespaces: names, selector, or both'],
  },
  {
    what: 'a name that no namespace can have',
    spec: { namespaces: { names: ['Home'] } },
    says: ['spec.namespaces.names[0]', 'must be the name of a namespace'],
  },
  {
    what: 'a namespace that is named twice',
    spec: { namespaces: { names: ['home', 'home'] } },
    says: ['spec.namespaces.names[1]: Duplicate value: "home"'],
  },
  { what: 'an MTU that IPv4 cannot work with', spec: { mtu: 60 }, says: ['spec.mtu', 'greater than or equal to 68'] },
  { what: 'a field that does not exist', spec: { parent: 'eth0' }, says: ['unknown field "spec.parent"'] },
  {
    what: 'a pattern for names with a slash',
    spec: parent({ namePattern: 'en*/0' }),
    says: ['spec.parents[0].interface.namePattern', 'must be a pattern for the name of a NIC'],
  },
  {
    what: "one of the operator's own names as alternative name",
    spec: parent({ altName: 'mva-lan' }),
    says: ['spec.parents[0].interface.altName', "not one of the operator's own"],
  },
  {
    what: 'a PCI address without its domain',
    spec: parent({ pciAddress: '03:00.0' }),
    says: ['"03:00.0"', 'must be a PCI address with its domain, such as 0000:03:00.0'],
  },
  { what: 'a driver with a path', spec: parent({ driver: '../igc' }), says: ['must be the name of a kernel driver'] },
  { what: "a NIC's subnet that is an address", spec: parent({ subnet: '192.0.2.1' }), says: ['must be a subnet such'] },
  {
    what: 'type Static without leave to pin',
    spec: { ipam: { type: 'Static' } },
    says: ['ipam type Static needs pins: Allow, since pods bring their own addresses'],
  },
  { what: 'pins that are neither', spec: { pins: 'Maybe' }, says: ['spec.pins', '"Deny", "Allow"'] },
  {
    what: 'a range that starts after its end',
    spec: { ipam: range({ start: '192.0.2.100', end: '192.0.2.20' }) },
    says: ['start must not come after end'],
  },
  {
    what: 'a pool that starts after its end',
    spec: { ipam: pool({ start: '192.0.2.100', end: '192.0.2.20' }) },
    says: ['start must not come after end'],
  },
  { what: 'a pool that ends outside', spec: { ipam: pool({ end: '192.0.3.1' }) }, says: [`end ${outside}`] },
  {
    what: 'an IPv6 pool with a gateway of another subnet',
    spec: { ipam: pool({ subnet: '2001:db8::/64', gateway: '2001:db8:1::1' }) },
    says: [`gateway ${outside}`],
  },
  {
    what: 'an excluded address outside',
    spec: { ipam: pool({ exclude: ['192.0.2.7', '192.0.3.7'] }) },
    says: [`what is excluded ${outside}`],
  },
  {
    what: 'an excluded subnet that reaches outside',
    spec: { ipam: pool({ exclude: ['192.0.2.0/23'] }) },
    says: [`what is excluded ${outside}`],
  },
  {
    what: 'an excluded text',
    spec: { ipam: pool({ exclude: ['router'] }) },
    says: ['"router"', 'must be an IP address or a subnet'],
  },
  { what: 'type Pool without a pool', spec: { ipam: { type: 'Pool' } }, says: ['type Pool needs pool'] },
  { what: 'type Raw without a configuration', spec: { ipam: { type: 'Raw' } }, says: ['type Raw needs raw'] },
  { what: 'a Raw configuration without a type', spec: raw({ ranges: [] }), says: ['raw.config.type: Required value'] },
  {
    what: 'a Raw configuration that is a list',
    spec: raw([]),
    says: ['spec.ipam.raw.config', 'must be of type object'],
  },
  { what: 'a plugin outside of the plugins folder', spec: raw({ type: '../../bin/sh' }), says: [badPlugin] },
  {
    what: 'a chain with macvlan in it',
    spec: { chain: [{ type: 'tuning' }, { type: 'macvlan' }] },
    says: ['spec.chain[1]', 'macvlan itself always comes first'],
  },
  {
    what: 'a chained plugin without a type',
    spec: { chain: [{ sysctl: {} }] },
    says: ['spec.chain[0].type: Required'],
  },
  {
    what: 'a chained plugin with a slash',
    spec: { chain: [{ type: 'a/b' }] },
    says: ['spec.chain[0].type', badPlugin],
  },
  {
    what: 'nine chained plugins',
    spec: { chain: Array.from({ length: 9 }, () => ({ type: 'sbr' })) },
    says: ['spec.chain: Too many: 9: must have at most 8 items'],
  },
  { what: 'a CNI version that is not known', spec: { cniVersion: '0.2.0' }, says: ['"0.3.1", "1.0.0", "1.1.0"'] },
  { what: 'a DHCP option beyond 254', spec: request('255'), says: ['must be a DHCP option: a number from 1 to 254'] },
  { what: 'a DHCP option that no plugin knows', spec: request('ntp'), says: ['"ntp"', 'must be a DHCP option'] },
  {
    what: 'a name server that is a name',
    spec: staticDns({ nameservers: ['dns'] }),
    says: ['must be an IP address such'],
  },
  { what: 'a search domain with a space', spec: staticDns({ search: ['a b'] }), says: ['must be a DNS domain'] },
  {
    what: 'a made-up resolver option',
    spec: staticDns({ options: ['n=2'] }),
    says: ['must be an option of resolv.conf'],
  },
  {
    what: "nodes by one of the operator's labels",
    spec: { nodeSelector: { matchLabels: { 'macvlan.dev/agent': 'true' } } },
    says: ['spec.nodeSelector', ownLabel],
  },
  {
    what: "nodes without one of the operator's labels",
    spec: { nodeSelector: { matchExpressions: [{ key: 'attachment.macvlan.dev/lan', operator: 'DoesNotExist' }] } },
    says: ['spec.nodeSelector', ownLabel],
  },
  {
    what: "a parent for nodes with one of the operator's labels",
    spec: {
      parents: [{ nodeSelector: { 'attachment.macvlan.dev/lan': 'ready' }, interface: { defaultRoute: 'IPv4' } }],
    },
    says: ['spec.parents[0].nodeSelector', ownLabel],
  },
  {
    what: "one of the operator's labels for the NADs",
    spec: { networkDefinition: { labels: { 'macvlan.dev/attachment': 'other' } } },
    says: ['spec.networkDefinition.labels', 'belong to the operator'],
  },
  {
    what: "one of the operator's annotations for the NADs",
    spec: { networkDefinition: { annotations: { 'x.macvlan.dev/y': '' } } },
    says: ['keys in macvlan.dev/ belong to the operator'],
  },
  {
    what: 'a label with a value that no label can have',
    spec: { networkDefinition: { labels: { team: 'home automation' } } },
    says: ['must be the value of a label'],
  },
];
