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

export const refusals: readonly Refusal[] = [
  { what: 'a name with a dot', name: 'lan.home', spec: {}, says: [badName, 'no dots'] },
  { what: 'a name of 64 characters', name: 'l'.repeat(64), spec: {}, says: [badName, 'at most 63'] },
  {
    what: 'an unknown mode',
    spec: { mode: 'bridged' },
    says: ['spec.mode', 'supported values: "bridge", "private", "vepa", "passthru"'],
  },
  {
    what: 'an entry of parents without a fact',
    spec: { parents: [{ interface: {} }] },
    says: ['spec.parents[0].interface', 'name at least one fact about the NIC: name, mac or defaultRoute'],
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
];
