// Every name that leaves a process: labels, annotations, finalizers, field managers, device names. Changing one is an API change.

export const GROUP = 'macvlan.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** On every object the controller makes for an attachment; the value is the attachment's name. */
export const LABEL_ATTACHMENT = 'macvlan.dev/attachment';
/** On nodes: an agent runs here. Put on by the controller, taken off only when the node is clean. */
export const LABEL_AGENT = 'macvlan.dev/agent';
/** On nodes: the operator's DHCP daemon runs here. Put on and taken off by the controller. */
export const LABEL_DHCP = 'macvlan.dev/dhcp';
/** On nodes, followed by an attachment's name: the attachment is ready here. For node selectors of pods. */
export const LABEL_READY_PREFIX = 'attachment.macvlan.dev/';
export const READY = 'ready';
export const LABEL_MANAGED_BY = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'macvlan-operator';

/** Holds a deleted attachment until no NAD, alias, shim or route of it is left. */
export const FINALIZER = 'macvlan.dev/cleanup';
/** On an attachment: delete although pods are attached. */
export const ANNOTATION_FORCE = 'macvlan.dev/force';
/** On a NAD with labels or annotations of the user's choice: their keys, so that they can be taken off again. */
export const ANNOTATION_METADATA_KEYS = 'macvlan.dev/metadata-keys';
/** On the agents' DaemonSet: a hash of what was last asked of it, so that what is no longer asked for is noticed. */
export const ANNOTATION_TEMPLATE = 'macvlan.dev/template';

/** On pods and namespaces: whether a pod asks for a stable identity, and which: `auto`, a name, or `none`. */
export const ANNOTATION_IDENTITY = 'macvlan.dev/identity';
/** On pods: the MAC or IP addresses to have; needs `pins: Allow`. */
export const ANNOTATION_MAC = 'macvlan.dev/mac';
export const ANNOTATION_IP = 'macvlan.dev/ip';
/** On a bound pod: the MacvlanIdentity that it holds. */
export const ANNOTATION_BOUND = 'macvlan.dev/bound';
/** On a MacvlanIdentity: the uid of a pod of which a person says that it is gone. */
export const ANNOTATION_RELEASE = 'macvlan.dev/release';
/** On pods that ask for an identity: `true` while they wait for it, `bound` afterwards. Nobody has a reason to select by it. */
export const LABEL_GATED = 'macvlan.dev/gated';
export const GATED = 'true';
export const BOUND = 'bound';
/** The scheduling gate that holds a pod until it is bound. */
export const GATE_IDENTITY = 'macvlan.dev/identity';
/** On namespaces: the guards of the chart leave its pods alone. */
export const LABEL_GUARDS = 'macvlan.dev/guards';
export const EXEMPT = 'exempt';
/** What the chart value guards.rawPins says of addresses that pods choose past the operator. */
export type RawPins = 'Refuse' | 'Warn' | 'Allow';
/** The Secret from which MAC addresses are derived, in the operator's own namespace. */
export const SEED_SECRET = 'macvlan-identity-seed';

/** Server-side apply field managers, one per writer. */
export const MANAGER_CONTROLLER = 'macvlan-controller';
export const MANAGER_CONTROLLER_STATUS = 'macvlan-controller-status';
export const MANAGER_AGENT = 'macvlan-agent';

/** The altname that the agent puts on a verified parent starts so; NADs name it as their `master`. */
export const ALIAS_PREFIX = 'mva-';
/** Longest link name (and altname that every CNI plugin version resolves): IFNAMSIZ - 1. */
export const LINK_NAME_MAX = 15;
/** Names of host-access shims start so. */
export const SHIM_PREFIX = 'mvs-';
/** Names of links that exist for the seconds of a MAC-filter probe start so. */
export const PROBE_PREFIX = 'mvp-';

/** The agent's DaemonSet, in the operator's own namespace. */
export const AGENT_NAME = 'macvlan-agent';

/** The DHCP daemons' DaemonSet, in the operator's own namespace. */
export const DHCP_NAME = 'macvlan-dhcp';
/** Folder of the DHCP daemon on each node: what is in it lives as long as the boot does. */
export const DHCP_FOLDER = '/run/macvlan-operator';
/** Where the operator's DHCP daemon listens on each node; NADs name it, so that no other daemon is ever in the way. */
export const DHCP_SOCKET = `${DHCP_FOLDER}/dhcp.sock`;

/** Types of the conditions on a MacvlanAttachment, in the order in which they are shown. `Ready` is computed
 * from those before it; what is warned of is told beside it, and stands in nobody's way. */
export const CONDITIONS = [
  'Accepted',
  'Rendered',
  'ParentsReady',
  'HostAccessReady',
  'DhcpReady',
  'PodsConnected',
  'Ready',
  'NoWarnings',
] as const;
export type ConditionType = (typeof CONDITIONS)[number];
