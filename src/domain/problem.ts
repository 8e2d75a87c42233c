// One table of everything that can be wrong. The code is the condition's reason, the event's reason and the log field.

/** What is wrong, for whom, and what to do about it. A value, never an exception: user mistakes are expected. */
export interface Problem {
  readonly reason: ProblemCode;
  /** One sentence with the facts that were seen. */
  readonly message: string;
  /** One sentence that starts with a verb. */
  readonly remedy: string;
  /** Warning: it may get in the way, and nothing is held back for it. Missing: something does not work. */
  readonly severity?: 'Warning';
  readonly node?: string;
  readonly namespace?: string;
}

/** Code → what it means, in the words of docs/reference/problems.md (a test holds the two together). */
export const PROBLEMS = {
  MultusMissing: 'The cluster does not know NetworkAttachmentDefinitions: Multus is not installed.',
  NamespaceMissing: 'A namespace that the attachment names does not exist.',
  NameTaken: 'A NetworkAttachmentDefinition of that name exists and was not made by this operator.',
  NameInvalid: 'The attachment has a name that Multus cannot refer to.',
  RangeInvalid: 'An address range of the attachment contradicts itself.',
  RangesOverlap: 'Two address ranges of the attachment hold the same addresses.',
  RouteInvalid: 'A route of the attachment cannot work as it is written.',
  PluginConfigInvalid: 'The configuration of a CNI plugin in the attachment is ambiguous, or nested too deep.',
  MetadataInvalid: 'The attachment asks for labels or annotations that no object can have.',
  ConfigTooLarge: 'The CNI configuration of the attachment would be too large.',
  HostAccessModeUnsupported: 'Host access needs mode bridge; other modes keep the shim and the pods apart.',
  ApplyFailed: 'The API server refused something that the controller wanted to write.',
  AgentSilent: 'The agent of a matched node has not reported yet.',
  NoNodeMatches: 'No node of the cluster matches the attachment.',
  NoParentRule: 'No entry of `parents` applies to the node.',
  ParentMissing: 'No NIC of the node matches.',
  ParentAmbiguous: 'More than one NIC of the node matches.',
  ParentTaken: 'Another link on the NIC, or another attachment, cannot share it with this one.',
  ParentDown: 'The parent NIC is down or has no carrier.',
  ParentUnsuitable: 'The NIC that matches cannot carry macvlan links.',
  ParentWireless: 'The NIC is a wireless one, whose access point knows one MAC address only.',
  BondModeUnsuitable: 'The parent is a bond that gives its frames another MAC address than that of the pod.',
  MtuTooLarge: "The attachment's MTU is larger than the parent NIC's.",
  AliasTaken: 'The alias is in use on the node by a link that the operator may not touch.',
  CniPluginMissing: 'A CNI plugin binary that the attachment needs is not on the node.',
  DhcpDaemonMissing: "The operator's DHCP daemon does not run on the node.",
  DhcpNoAnswer: 'No DHCP server answers a pod, at its start or when its lease is to be renewed.',
  DhcpLeaseLost:
    'The lease of a running pod expired, or the DHCP server has given the pod another address than at its start.',
  HostAddressMissing: 'The node has no address of its own in the subnet of the pod.',
  PodLinkUnproven: 'A pod is said to be attached, and the node cannot confirm it.',
  PodAddressRefused:
    'A pod has an address that belongs to the node itself, to a router, or to another host of the LAN.',
  ShimContested: 'Somebody on the node keeps undoing the shim.',
  KernelRefused: 'The kernel refused a change that the agent wanted to make.',
  PodGhost: 'The link of a running pod vanished, and the pod runs on without it.',
  PodNeverAttached: 'A pod asks for the attachment and runs without ever having got a link.',
  RepairRefused: 'The link of a running pod vanished and cannot be made again in place.',
  PodsAttached: 'The attachment is deleted but pods are still attached.',
  NodeNotClean: 'The attachment is deleted but a node has not confirmed its clean-up.',
  MacFilteringLikely: 'The NIC is of a kind whose other side usually lets one MAC address through only.',
  MacFilteringSuspected: 'The gateway answers the NIC itself, and no link with another MAC address on it.',
  ApplianceHost: 'The node runs an appliance system that looks after its network by itself.',
  ArpResponderOnShim: "A load balancer on the node answers ARP on the shim, with the shim's MAC address.",
  PoolsOverlap: 'The pool holds addresses that an older attachment on the same LAN gives away.',
  AddressConflict: 'A MAC or IP address is in two places.',
} as const satisfies Record<string, string>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Reasons of conditions that are not problems: all is well, or nobody has to do anything but wait. */
export const REASONS = {
  Valid: 'The spec makes sense.',
  UpToDate: 'Every selected namespace has its NetworkAttachmentDefinition.',
  OnHold: 'Not looked at while the spec is refused; what was there before stays as it is.',
  NodesReady: 'Every matched node has what it needs.',
  LinksThere: 'Every pod that was given a link has it.',
  LeasesHeld: 'Every lease of a pod is held, and the daemons that renew them are there.',
  NotWanted: 'The attachment does not ask for it.',
  NothingSeen: 'Nothing was seen that may get in the way.',
  Working: 'Everything the attachment asks for is there.',
  Deleting: 'The attachment is deleted and is being taken down.',
  Pending: 'The agent of a matched node has seen the attachment and is at work.',
} as const satisfies Record<string, string>;

export type ReasonCode = keyof typeof REASONS;
