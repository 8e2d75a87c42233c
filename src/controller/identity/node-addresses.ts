// Addresses that the nodes have themselves, and that no pod may have: by index, since a pool is asked address by address and a
// cluster may have thousands of nodes.
import type { Node } from '../../api/kube.ts';
import type { MacvlanNodeState } from '../../api/v1alpha1/node-state.ts';
import { addressKey } from '../../domain/identity/conflicts.ts';
import type { ReadStore } from '../../kernel/watch/store.ts';

interface NodeStores {
  readonly nodes: ReadStore<Node>;
  readonly nodeStates: ReadStore<MacvlanNodeState>;
}

/** By which the cluster knows the node. */
export function internalAddressesOf({ status }: Node): readonly string[] {
  const own = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  return own.map(({ address }) => keyOf(address));
}

/** On the NICs by which its attachments reach their LANs, each with its attachment. */
export function lanAddressesOf({ status }: MacvlanNodeState): readonly string[] {
  return (status?.attachments ?? []).flatMap(({ name, interface: parent }) => {
    const nic = status?.interfaces?.find((candidate) => candidate.name === parent);
    return (nic?.addresses ?? []).map((address) => lanKey(name, address));
  });
}

/** MAC addresses of the NICs that its agent sees. */
export function nicMacsOf({ status }: MacvlanNodeState): readonly string[] {
  const macs = (status?.interfaces ?? []).flatMap(({ mac, permanentMac }) => [mac, permanentMac ?? mac]);
  return [...new Set(macs.map((mac) => mac.toLowerCase()))];
}

/**
 * Whether a node has the IP address on the LAN of the attachment, or the cluster knows a node by it. The latter is there before any
 * agent has told on which NIC the attachment is, and by then a pod would keep what it got.
 */
export function isNodeAddress({ nodeStates, nodes }: NodeStores, attachment: string, address: string): boolean {
  return (
    nodes.by('internalAddress', keyOf(address)).length > 0 ||
    nodeStates.by('lanAddress', lanKey(attachment, address)).length > 0
  );
}

/** Whether the MAC address, in our spelling, is that of some node's NIC. */
export function isNicMac({ nodeStates }: Pick<NodeStores, 'nodeStates'>, mac: string): boolean {
  return nodeStates.by('nicMac', mac).length > 0;
}

function lanKey(attachment: string, address: string): string {
  return `${attachment} ${keyOf(address)}`;
}

function keyOf(address: string): string {
  return addressKey(address) ?? address;
}
