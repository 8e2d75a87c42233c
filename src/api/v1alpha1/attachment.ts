// MacvlanAttachment: a LAN that pods can be attached to. The schema, its rules and `kubectl explain` are generated from this file.
import type { Kind, KubeObject, LabelSelector } from '../kube.ts';
import { API_VERSION } from '../names.ts';
import type { MacvlanAttachmentStatus } from './attachment-status.ts';
import type { Ipam } from './ipam.ts';
import type { ChainedPlugin } from './plugin.ts';
import type { AnnotationValue, Cidr, LabelValue, MacAddress } from './values.ts';

/**
 * A LAN that pods can be attached to: which NIC of which nodes carries it, in which namespaces pods may use it, and how pods
 * get their addresses.
 */
export interface MacvlanAttachment extends KubeObject {
  readonly spec: MacvlanAttachmentSpec;
  readonly status?: MacvlanAttachmentStatus;
}

/**
 * What the user wants.
 * @validation {"rule":"self.ipam.type != 'Static' || self.pins == 'Allow'","message":"ipam type Static needs pins: Allow, since pods bring their own addresses"}
 */
export interface MacvlanAttachmentSpec {
  /**
   * Which NIC of a node carries this LAN. The first entry whose nodeSelector matches the node decides; its interface facts must
   * single out exactly one NIC there. Default: on every node the NIC of the IPv4 default route.
   * @maxItems 64
   * @listType atomic
   * @default [{"interface":{"defaultRoute":"IPv4"}}]
   */
  readonly parents?: readonly ParentRule[];
  /**
   * Which nodes take part, by their labels. Default: all. The operator's own labels follow from the answer and cannot be in it.
   * @validation {"rule":"(!has(self.matchLabels) || self.matchLabels.all(k, !k.startsWith('macvlan.dev/') && !k.contains('.macvlan.dev/'))) && (!has(self.matchExpressions) || self.matchExpressions.all(e, !e.key.startsWith('macvlan.dev/') && !e.key.contains('.macvlan.dev/')))","message":"must not name labels in macvlan.dev/: the operator puts these on the nodes that are selected"}
   */
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
  /**
   * Whether pods may choose their own MAC or IP addresses. Type Static needs Allow.
   * @default "Deny"
   */
  readonly pins?: 'Deny' | 'Allow';
  /** How identities of pods on this LAN are made. */
  readonly identity?: IdentitySettings;
  /**
   * What to do about a running pod whose link vanished, as all links do when their NIC is replaced.
   * @default {"type":"Report"}
   */
  readonly repair?: Repair;
  /**
   * Whether pods that ask for an identity go only to nodes where this attachment is ready.
   * @default {"type":"Ignore"}
   */
  readonly placement?: Placement;
  /**
   * Whether the nodes find out if the LAN lets more than one MAC address through to their NIC, as virtual switches often do not.
   * @default {"type":"None"}
   */
  readonly macFilterProbe?: MacFilterProbe;
  /** Labels and annotations of your own for the NetworkAttachmentDefinitions. */
  readonly networkDefinition?: NetworkDefinitionMetadata;
  /**
   * Version of the CNI specification that the configuration is written for. 1.0.0 suits every plugin release in use; 0.3.1 is for
   * plugins that are older (and know no CHECK), 1.1.0 for chained plugins that need it.
   * @default "1.0.0"
   */
  readonly cniVersion?: CniVersion;
  /**
   * CNI plugins that run after macvlan, in this order.
   * @maxItems 8
   * @listType atomic
   */
  readonly chain?: readonly ChainedPlugin[];
}

/** How identities are made. */
export interface IdentitySettings {
  /**
   * The first 1 to 5 octets of every derived MAC address, such as 02:4d; addresses must not be multicast, so the first octet is
   * even. Default: a random locally administered address.
   * @maxLength 14
   * @validation {"rule":"self.matches('^[0-9a-f][02468ace](:[0-9a-f]{2}){0,4}$')","message":"must be 1 to 5 octets in lower-case hexadecimal with colons, the first one even, such as 02:4d"}
   */
  readonly macPrefix?: string;
}

/** Versions of the CNI specification that can be written. */
export type CniVersion = '0.3.1' | '1.0.0' | '1.1.0';

/** What the NetworkAttachmentDefinitions carry besides what the operator needs. Keys of the operator cannot be set here. */
export interface NetworkDefinitionMetadata {
  /**
   * Labels.
   * @maxProperties 32
   * @validation {"rule":"self.all(k, !k.startsWith('macvlan.dev/') && !k.contains('.macvlan.dev/') && k != 'app.kubernetes.io/managed-by')","message":"keys in macvlan.dev/ and app.kubernetes.io/managed-by belong to the operator"}
   */
  readonly labels?: Readonly<Record<string, LabelValue>>;
  /**
   * Annotations.
   * @maxProperties 32
   * @validation {"rule":"self.all(k, !k.startsWith('macvlan.dev/') && !k.contains('.macvlan.dev/'))","message":"keys in macvlan.dev/ belong to the operator"}
   */
  readonly annotations?: Readonly<Record<string, AnnotationValue>>;
}

/** macvlan modes that need nothing but the parent. */
export type MacvlanMode = 'bridge' | 'private' | 'vepa' | 'passthru';

/** Which NIC to use on the nodes that it applies to. */
export interface ParentRule {
  /**
   * Node labels, all of which must match, for this entry to apply. Default: it applies to every node.
   * @maxProperties 32
   * @validation {"rule":"self.all(k, !k.startsWith('macvlan.dev/') && !k.contains('.macvlan.dev/'))","message":"must not name labels in macvlan.dev/: the operator puts these on the nodes that are selected"}
   */
  readonly nodeSelector?: Readonly<Record<string, string>>;
  /** What must be true of the NIC; all given facts must hold. */
  readonly interface: ParentMatch;
}

/**
 * Facts that single out one NIC of a node; at least one, and all given ones must hold.
 * @validation {"rule":"has(self.name) || has(self.namePattern) || has(self.altName) || has(self.mac) || has(self.pciAddress) || has(self.driver) || has(self.subnet) || has(self.defaultRoute)","message":"name at least one fact about the NIC: name, namePattern, altName, mac, pciAddress, driver, subnet or defaultRoute"}
 */
export interface ParentMatch {
  /**
   * The NIC's name, as in `ip link`.
   * @maxLength 64
   * @validation {"rule":"self.matches('^[^ /:]{1,15}$')","message":"must be the name of a NIC: 1 to 15 characters without space, slash or colon"}
   */
  readonly name?: string;
  /**
   * The NIC's whole name as a simple pattern: `*` stands for any characters, also none, and `?` for exactly one; everything else
   * stands for itself. Example: enp*s0.
   * @maxLength 64
   * @validation {"rule":"self.matches('^[^ /:]{1,32}$')","message":"must be a pattern for the name of a NIC: 1 to 32 characters without space, slash or colon"}
   */
  readonly namePattern?: string;
  /**
   * One of the NIC's alternative names, as `ip link` shows them under altname. The operator's own do not count.
   * @maxLength 127
   * @validation {"rule":"self.matches('^[^ /:]{1,127}$') && !self.startsWith('mva-')","message":"must be an alternative name of a NIC: 1 to 127 characters without space, slash or colon, not one of the operator's own (mva-...)"}
   */
  readonly altName?: string;
  /** The NIC's MAC address: the permanent one where the hardware has one, else the current one. */
  readonly mac?: MacAddress;
  /**
   * Where the NIC sits on the PCI bus, as `lspci -D` shows it, such as 0000:03:00.0.
   * @maxLength 32
   * @validation {"rule":"self.matches('^[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[01][0-9a-fA-F][.][0-7]$')","message":"must be a PCI address with its domain, such as 0000:03:00.0"}
   */
  readonly pciAddress?: string;
  /**
   * The kernel driver, as `ethtool -i` shows it, such as igc or virtio_net; of a virtual device its kind: bond, bridge, vlan, veth.
   * @maxLength 64
   * @validation {"rule":"self.matches('^[A-Za-z0-9][A-Za-z0-9._-]*$')","message":"must be the name of a kernel driver such as igc"}
   */
  readonly driver?: string;
  /** The NIC has an address inside this subnet. */
  readonly subnet?: Cidr;
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

/** Whether a node and its own macvlan pods can reach each other. */
export interface HostAccess {
  /** None: they cannot. Routed: the agent keeps a shim link on the NIC and routes each local pod's address through it. */
  readonly type: 'None' | 'Routed';
}

/** What to do about a running pod whose link vanished. */
export interface Repair {
  /**
   * Report: tell it in status, event and metric. InPlace: the agent also makes the link again inside the running pod once the NIC
   * is verified, with the same name, MAC, addresses and routes; for this the agents run with CAP_SYS_ADMIN. Recreate: the
   * controller also evicts the pod once the NIC is verified, within disruption budgets, so that its owner makes a new one.
   */
  readonly type: 'Report' | 'InPlace' | 'Recreate';
}

/** Where pods with an identity may go. */
export interface Placement {
  /**
   * Ignore: anywhere; on a node whose NIC is not ready the pod waits in ContainerCreating until it is. Require: the controller also
   * adds the node selector `attachment.macvlan.dev/NAME: ready` to what the pod selects itself, and holds the pod until there is
   * such a node. Pods without an identity write that selector themselves.
   */
  readonly type: 'Ignore' | 'Require';
}

/**
 * How a node finds out whether the LAN filters by MAC address.
 * @validation {"rule":"!has(self.gateway) || self.type == 'Gateway'","message":"gateway belongs to type Gateway"}
 */
export interface MacFilterProbe {
  /**
   * None: it does not. Gateway: once the NIC is verified, when it changes, and every few hours, the agent asks the LAN's gateway by
   * ARP whether it is there, from the NIC itself and from a link with a MAC address of its own that exists for a few seconds. Where
   * only the NIC gets answers, the condition NoWarnings says MacFilteringSuspected. The questions name no IP address as their
   * sender, so that nobody on the LAN learns anything from them. For this the agents run with CAP_NET_RAW. Do not use it on switch
   * ports that are shut down when they see a second MAC address.
   */
  readonly type: 'None' | 'Gateway';
  /**
   * IPv4 address that is asked. Default: the next hop of the NIC's own default route, else the first IPv4 gateway of the ranges in
   * ipam. Without any of them nothing is asked.
   * @maxLength 15
   * @validation {"rule":"isIP(self) && ip(self).family() == 4","message":"must be an IPv4 address such as 192.168.1.1"}
   */
  readonly gateway?: string;
}

export const ATTACHMENT: Kind<MacvlanAttachment> = {
  apiVersion: API_VERSION,
  kind: 'MacvlanAttachment',
  plural: 'macvlanattachments',
  namespaced: false,
};
