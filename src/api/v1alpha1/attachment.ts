// MacvlanAttachment: a LAN that pods can be attached to. The schema, its rules and `kubectl explain` are generated from this file.
import type { Condition, Kind, KubeObject, LabelSelector } from '../kube.ts';
import { API_VERSION } from '../names.ts';
import type { Cidr, IpAddress, MacAddress } from './values.ts';

/**
 * A LAN that pods can be attached to: which NIC of which nodes carries it, in which namespaces pods may use it, and how pods
 * get their addresses.
 */
export interface MacvlanAttachment extends KubeObject {
  readonly spec: MacvlanAttachmentSpec;
  readonly status?: MacvlanAttachmentStatus;
}

/** What the user wants. */
export interface MacvlanAttachmentSpec {
  /**
   * Which NIC of a node carries this LAN. The first entry whose nodeSelector matches the node decides; its interface facts must
   * single out exactly one NIC there. Default: on every node the NIC of the IPv4 default route.
   * @maxItems 64
   * @listType atomic
   * @default [{"interface":{"defaultRoute":"IPv4"}}]
   */
  readonly parents?: readonly ParentRule[];
  /** Which nodes take part, by their labels. Default: all. */
  readonly nodeSelector?: LabelSelector;
  /** Where pods may use this LAN: a NetworkAttachmentDefinition of this attachment's name is kept in each of these namespaces. */
  readonly namespaces: NamespaceSelection;
  /**
   * How the kernel switches between the macvlan links of one NIC: bridge (pods of one node reach each other directly), private
   * (they never do), vepa (through the switch, which must reflect frames), passthru (one pod takes the NIC for itself).
   * @default "bridge"
   */
  readonly mode?: MacvlanMode;
  /**
   * MTU of the pods' links, in bytes; at most the parent's. Default: the parent's.
   * @asType integer
   * @minimum 68
   * @maximum 65535
   */
  readonly mtu?: number;
  /** How pods get their addresses. */
  readonly ipam: Ipam;
  /**
   * Whether a node and its own macvlan pods can reach each other (the kernel keeps them apart otherwise).
   * @default {"type":"None"}
   */
  readonly hostAccess?: HostAccess;
}

/** macvlan modes that need nothing but the parent. */
export type MacvlanMode = 'bridge' | 'private' | 'vepa' | 'passthru';

/** Which NIC to use on the nodes that it applies to. */
export interface ParentRule {
  /** Node labels, all of which must match, for this entry to apply. Default: it applies to every node. */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** What must be true of the NIC; all given facts must hold. */
  readonly interface: ParentMatch;
}

/**
 * Facts that single out one NIC of a node; at least one, and all given ones must hold.
 * @validation {"rule":"has(self.name) || has(self.mac) || has(self.defaultRoute)","message":"name at least one fact about the NIC: name, mac or defaultRoute"}
 */
export interface ParentMatch {
  /**
   * The NIC's name, as in `ip link`.
   * @maxLength 64
   * @validation {"rule":"self.matches('^[^ /:]{1,15}$')","message":"must be the name of a NIC: 1 to 15 characters without space, slash or colon"}
   */
  readonly name?: string;
  /** The NIC's MAC address: the permanent one where the hardware has one, else the current one. */
  readonly mac?: MacAddress;
  /** The NIC carries the node's default route of this address family. */
  readonly defaultRoute?: 'IPv4' | 'IPv6';
}

/**
 * Namespaces by name and by label; the union counts, and one of the two is required.
 * @validation {"rule":"has(self.names) || has(self.selector)","message":"say which namespaces: names, selector, or both (an empty selector takes all)"}
 */
export interface NamespaceSelection {
  /**
   * Names of namespaces.
   * @minItems 1
   * @maxItems 1024
   * @listType set
   */
  readonly names?: readonly NamespaceName[];
  /** Namespaces by their labels; {} takes all. */
  readonly selector?: LabelSelector;
}

/**
 * Name of a namespace.
 * @maxLength 63
 * @validation {"rule":"self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')","message":"must be the name of a namespace: lower-case letters, digits and hyphens"}
 */
export type NamespaceName = string;

/**
 * How pods get their addresses.
 * @validation [{"rule":"has(self.dhcp) ? self.type == 'DHCP' : true","message":"dhcp belongs to type DHCP"},{"rule":"has(self.hostLocal) == (self.type == 'HostLocal')","message":"type HostLocal needs hostLocal, and no other type takes it"},{"rule":"has(self.static) ? self.type == 'Static' : true","message":"static belongs to type Static"}]
 */
export interface Ipam {
  /**
   * DHCP: from the LAN's own server. Static: each pod names its addresses (`ips`) in its networks annotation. HostLocal: from
   * ranges that each node hands out on its own. None: no address; the pod only gets a link.
   */
  readonly type: 'DHCP' | 'Static' | 'HostLocal' | 'None';
  /** Details of type DHCP. */
  readonly dhcp?: DhcpIpam;
  /** Details of type Static. */
  readonly static?: StaticIpam;
  /** Details of type HostLocal. */
  readonly hostLocal?: HostLocalIpam;
}

/** Details of address assignment by the LAN's DHCP server. */
export interface DhcpIpam {
  /**
   * What identifies the pod to the DHCP server. MAC: the MAC address that the pod asks for, so that the address follows the MAC
   * (reservations by MAC work, and a re-created pod gets its address again). PodName: the pod's name. Plugin: what the CNI
   * plugin makes up, new for each pod.
   * @default "MAC"
   */
  readonly clientId?: 'MAC' | 'PodName' | 'Plugin';
}

/** Details of addresses that pods name themselves. */
export interface StaticIpam {
  /**
   * Routes that pods get through this LAN.
   * @maxItems 64
   * @listType atomic
   */
  readonly routes?: readonly Route[];
}

/** Details of addresses from ranges that each node hands out on its own. */
export interface HostLocalIpam {
  /**
   * Ranges to take addresses from; the pod gets one address of each address family.
   * @minItems 1
   * @maxItems 16
   * @listType atomic
   */
  readonly ranges: readonly HostLocalRange[];
  /**
   * Routes that pods get through this LAN.
   * @maxItems 64
   * @listType atomic
   */
  readonly routes?: readonly Route[];
}

/**
 * A range of addresses inside a subnet.
 * @validation [{"rule":"!has(self.start) || !isCIDR(self.subnet) || !isIP(self.start) || cidr(self.subnet).containsIP(self.start)","message":"start must lie inside subnet"},{"rule":"!has(self.end) || !isCIDR(self.subnet) || !isIP(self.end) || cidr(self.subnet).containsIP(self.end)","message":"end must lie inside subnet"},{"rule":"!has(self.gateway) || !isCIDR(self.subnet) || !isIP(self.gateway) || cidr(self.subnet).containsIP(self.gateway)","message":"gateway must lie inside subnet"}]
 */
export interface HostLocalRange {
  /** The LAN's subnet, such as 192.168.1.0/24. */
  readonly subnet: Cidr;
  /** First address to hand out. Default: the subnet's first. */
  readonly start?: IpAddress;
  /** Last address to hand out. Default: the subnet's last. */
  readonly end?: IpAddress;
  /** The LAN's router. Default: none. */
  readonly gateway?: IpAddress;
}

/** A route in the pod. */
export interface Route {
  /** Destination, such as 10.0.0.0/8. */
  readonly to: Cidr;
  /** Router on this LAN. Default: the range's gateway, or directly on the link. */
  readonly via?: IpAddress;
}

/** Whether a node and its own macvlan pods can reach each other. */
export interface HostAccess {
  /** None: they cannot. Routed: the agent keeps a shim link on the NIC and routes each local pod's address through it. */
  readonly type: 'None' | 'Routed';
}

/** What is true now, as far as the controller knows. */
export interface MacvlanAttachmentStatus {
  /**
   * The generation of the spec that this status is about.
   * @asType integer
   * @format int64
   */
  readonly observedGeneration?: number;
  /**
   * Active: in use. Draining: deleted, but pods are still attached. Cleaning: no new pods; nodes are taking alias, shim and
   * routes down.
   */
  readonly phase?: 'Active' | 'Draining' | 'Cleaning';
  /** The name under which each node's verified NIC is known to CNI (a kernel altname). */
  readonly alias?: string;
  /**
   * Accepted, Rendered, ParentsReady, HostAccessReady, and Ready, which sums up the others.
   * @maxItems 16
   * @listType map
   * @listMapKeys ["type"]
   */
  readonly conditions?: readonly Condition[];
  /** Nodes by what their agents say. */
  readonly nodes?: NodeCounts;
  /**
   * Namespaces that have the NetworkAttachmentDefinition.
   * @asType integer
   */
  readonly namespaces?: number;
  /** Pods by what their nodes' agents say. */
  readonly pods?: PodCounts;
  /** `ready/matched` nodes, for printing. */
  readonly summary?: string;
  /**
   * The first few problems, each with its node where it has one, and its remedy.
   * @maxItems 10
   * @listType atomic
   */
  readonly problems?: readonly ProblemStatus[];
}

/** Nodes, counted. */
export interface NodeCounts {
  /**
   * Nodes that the attachment selects.
   * @asType integer
   */
  readonly matched: number;
  /**
   * Of these, the ones whose parent NIC is verified and, where wanted, whose shim is up.
   * @asType integer
   */
  readonly ready: number;
  /**
   * Of these, the ones whose agent reports a problem.
   * @asType integer
   */
  readonly degraded: number;
}

/** Pods, counted. */
export interface PodCounts {
  /**
   * Pods with a link on this LAN.
   * @asType integer
   */
  readonly attached: number;
}

/** A problem as shown in a status. */
export interface ProblemStatus {
  /** Code; listed in docs/reference/problems.md. */
  readonly reason: string;
  /** What is wrong. */
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** The node that it is about. */
  readonly node?: string;
  /** The namespace that it is about. */
  readonly namespace?: string;
}

export const ATTACHMENT: Kind<MacvlanAttachment> = {
  apiVersion: API_VERSION,
  kind: 'MacvlanAttachment',
  plural: 'macvlanattachments',
  namespaced: false,
};
