// MacvlanNodeState: what one node's agent sees and did. Written by that agent only; everybody else reads it as hearsay.
import type { Kind, KubeObject } from '../kube.ts';
import { API_VERSION } from '../names.ts';
import type { ProblemStatus } from './attachment-status.ts';

/** What the agent of one node sees and did. Named after the node and owned by it; written only when it changes. */
export interface MacvlanNodeState extends KubeObject {
  readonly status?: MacvlanNodeStateStatus;
}

/** What the agent sees and did. */
export interface MacvlanNodeStateStatus {
  /** Who wrote this. */
  readonly agent?: AgentInfo;
  /**
   * NICs of the node that could be a parent.
   * @maxItems 256
   * @listType map
   * @listMapKeys ["name"]
   */
  readonly interfaces?: readonly NodeInterface[];
  /**
   * Every attachment that this node takes part in, or still has remains of. An entry is written before the first effect and goes
   * after the last one is undone: no entry means nothing is left on the node.
   * @maxItems 4096
   * @listType map
   * @listMapKeys ["name"]
   */
  readonly attachments?: readonly NodeAttachment[];
  /**
   * Host-access shims on this node, one per parent NIC.
   * @maxItems 256
   * @listType map
   * @listMapKeys ["name"]
   */
  readonly shims?: readonly NodeShim[];
  /**
   * Pods of this node with a link on an attachment, or that ask for one.
   * @maxItems 4096
   * @listType atomic
   */
  readonly pods?: readonly NodePod[];
  /** Leases of the operator's own DHCP daemon on this node; missing where it has never been. */
  readonly dhcp?: NodeDhcp;
  /**
   * Pods that were attached, whose objects are gone from the cluster, and of which nothing is left on the node: no cgroup, so that
   * nothing of them runs or is started any more, and no link with their MAC addresses. The latest 128 and all of the last hour, the last
   * one last.
   * @maxItems 1024
   * @listType atomic
   */
  readonly ended?: readonly EndedPod[];
  /** `ready/all` attachments, for printing. `0/0`: nothing of any attachment is on the node. */
  readonly summary?: string;
}

/** What the operator's DHCP daemon of a node is needed for. */
export interface NodeDhcp {
  /**
   * Links of pods whose address it keeps: as long as there is one, it stays.
   * @asType integer
   */
  readonly links: number;
}

/** The agent that wrote a state. */
export interface AgentInfo {
  /** Version of the agent. */
  readonly version: string;
  /** The kernel's boot id; a new one means that no link survived. */
  readonly bootId: string;
  /**
   * The boot id that the Node object had: as long as it has another one, this is from before a reboot. It need not be `bootId`, since
   * the kubelet of a node that is a container itself may be shown one of its own.
   * @maxLength 64
   */
  readonly nodeBootId?: string;
}

/** A NIC that could be a parent, with the facts that `parents` can name. */
export interface NodeInterface {
  /** Name, as in `ip link`. */
  readonly name: string;
  /**
   * Index in the kernel.
   * @asType integer
   */
  readonly ifindex: number;
  /** Current MAC address. */
  readonly mac: string;
  /** The MAC address that the hardware was made with, where it has one. */
  readonly permanentMac?: string;
  /** Alternative names, without the operator's own. */
  readonly altNames?: readonly string[];
  /** Where it sits on the PCI bus, when it does. */
  readonly pciAddress?: string;
  /** Kernel driver; of a virtual device its kind. */
  readonly driver?: string;
  /** Families whose default route leaves through this NIC: IPv4, IPv6. */
  readonly defaultRoutes?: readonly string[];
  /**
   * MTU in bytes.
   * @asType integer
   */
  readonly mtu: number;
  /** Up: in use and with carrier. NoCarrier: in use, no link partner. Down: switched off. */
  readonly state: 'Up' | 'NoCarrier' | 'Down';
  /** Addresses with prefix length. */
  readonly addresses?: readonly string[];
}

/** How one attachment stands on this node. */
export interface NodeAttachment {
  /** Name of the attachment. */
  readonly name: string;
  /** Its uid: what is said about one says nothing about a later one of the same name. */
  readonly uid?: string;
  /** Pending: not there yet. Ready: the alias is on the verified NIC, and the shim is up where one is wanted. Failed: see problems. Cleaning: being undone. */
  readonly phase: 'Pending' | 'Ready' | 'Failed' | 'Cleaning';
  /**
   * Generation of the attachment that this is about.
   * @asType integer
   * @format int64
   */
  readonly observedGeneration?: number;
  /** The NIC that is meant. It is verified once `incarnation` is there. */
  readonly interface?: string;
  /**
   * Its index in the kernel.
   * @asType integer
   */
  readonly ifindex?: number;
  /**
   * By which wish the NIC was chosen, as a hash of the entry of `parents`: there once the alias was put on. The next agent keeps
   * the NIC for the same wish only.
   * @maxLength 32
   */
  readonly wish?: string;
  /** Which device, in which boot: bootId/ifindex. A pod's link belongs to one incarnation. */
  readonly incarnation?: string;
  /** Host access on this node: None, Ready, or Failed with a problem. */
  readonly hostAccess?: 'None' | 'Ready' | 'Failed';
  /**
   * What the MAC-filter probe found on the NIC, where the attachment asks for one. Open: a second MAC address gets through.
   * Filtered: it does not. Unclear: the gateway does not answer the NIC either. NoGateway: nobody is known to be asked. Missing
   * while nothing is known yet.
   */
  readonly macFilterProbe?: 'Open' | 'Filtered' | 'Unclear' | 'NoGateway';
  /**
   * What is wrong, with remedies.
   * @maxItems 16
   * @listType atomic
   */
  readonly problems?: readonly ProblemStatus[];
}

/** A host-access shim. */
export interface NodeShim {
  /** Name of the link. */
  readonly name: string;
  /** Its MAC address, which the LAN never sees. */
  readonly mac: string;
  /** Name of the parent NIC. */
  readonly parent: string;
  /** Attachments that share it. */
  readonly attachments: readonly string[];
}

/** A pod's link on an attachment. */
export interface NodePod {
  /** Namespace of the pod. */
  readonly namespace: string;
  /** Name of the pod. */
  readonly name: string;
  /** Uid of the pod. */
  readonly uid: string;
  /** Name of the attachment. */
  readonly attachment: string;
  /**
   * Name of the link in the pod; empty when there never was one.
   * @maxLength 15
   */
  readonly interface: string;
  /** MAC address of the link. */
  readonly mac?: string;
  /**
   * Addresses of the link, without prefix length.
   * @maxItems 16
   * @listType atomic
   */
  readonly ips?: readonly string[];
  /**
   * Addresses of the link for which somebody else on the LAN answered, and its MAC address where somebody else has that.
   * @maxItems 16
   * @listType atomic
   */
  readonly duplicates?: readonly string[];
  /**
   * Who that is, where it is known: the others' IPv4 and MAC addresses, as the node's own kernel got them by ARP.
   * @maxItems 16
   * @listType atomic
   */
  readonly rivals?: readonly PodRival[];
  /**
   * What became of the link. Attached: it is there, as far as can be seen. Ghost: it vanished, and the pod runs on without it.
   * Repaired: it vanished and was made again in place. Stale: it is there, with older settings than the attachment's or on
   * another NIC. NeverAttached: the pod asks for one and runs without ever having got it.
   */
  readonly state: 'Attached' | 'Ghost' | 'Repaired' | 'Stale' | 'NeverAttached';
  /**
   * Cgroup: the pod was seen at work, by its cgroup, in the boot that `agent.bootId` names. Missing: nothing but what is written on the
   * pod says so, which outlives a reboot.
   */
  readonly evidence?: 'Cgroup';
  /** Why it is a ghost still. */
  readonly problem?: ProblemStatus;
}

/** Another device on the LAN that has an address of a pod's link. */
export interface PodRival {
  /** Its IPv4 address. */
  readonly address: string;
  /** Its MAC address. */
  readonly mac: string;
}

/** A pod of which nothing is left on its node. */
export interface EndedPod {
  /** Namespace of the pod. */
  readonly namespace: string;
  /** Name of the pod. */
  readonly name: string;
  /** Uid of the pod. */
  readonly uid: string;
}

export const NODE_STATE: Kind<MacvlanNodeState> = {
  apiVersion: API_VERSION,
  kind: 'MacvlanNodeState',
  plural: 'macvlannodestates',
  namespaced: false,
};
