// Addresses and names of a test cluster's networks. They live in its own namespaces, so every cluster uses the same.

/** What one wants of a node. */
export interface NodeSpec {
  readonly name: string;
  /** Name of its LAN NIC. */
  readonly parent: string;
}

/** A node with everything that follows from its place in the list. */
export interface NodeFacts extends NodeSpec {
  /** MAC that its LAN NIC gets when it is plugged in. */
  readonly parentMac: string;
  readonly lanAddress: string;
  readonly address: string;
  readonly podSubnet: string;
}

export const DEFAULT_NODES: readonly NodeSpec[] = [
  { name: 'node-a', parent: 'enp3s0' },
  { name: 'node-b', parent: 'lan0' },
];

/** The control plane on the management network: API server and default route of all nodes. */
export const CONTROL_ADDRESS = '10.89.0.1';
export const API_PORT = 6443;
export const POD_RANGE = '10.244.0.0/16';
export const LAN_ROUTER = '192.0.2.1';
export const LAN_CLIENT = '192.0.2.50';
export const LAN_BRIDGE = 'br0';
export const DHCP_RANGE = ['192.0.2.200', '192.0.2.250'] as const;

const FIRST = 2;

export function nodeFacts(specs: readonly NodeSpec[]): readonly NodeFacts[] {
  return specs.map((spec, index) => {
    if (!/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/.test(spec.name)) throw new Error(`"${spec.name}" cannot name a node`);
    const number = FIRST + index;
    return {
      ...spec,
      parentMac: `52:54:00:4d:00:1${number.toString(16)}`,
      lanAddress: `192.0.2.1${number}`,
      address: `10.89.0.1${number}`,
      podSubnet: `10.244.${number}.0/24`,
    };
  });
}
