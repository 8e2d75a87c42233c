// Every name that leaves a process: labels, annotations, finalizers, field managers, device names. Changing one is an API change.

export const GROUP = 'macvlan.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** On every object the controller makes for an attachment; the value is the attachment's name. */
export const LABEL_ATTACHMENT = 'macvlan.dev/attachment';
/** On nodes: an agent runs here. Put on by the controller, taken off only when the node is clean. */
export const LABEL_AGENT = 'macvlan.dev/agent';
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

/** The agent's DaemonSet, in the operator's own namespace. */
export const AGENT_NAME = 'macvlan-agent';

/** Types of the conditions on a MacvlanAttachment, in the order in which they are shown. `Ready` is computed from the others. */
export const CONDITIONS = ['Accepted', 'Rendered', 'ParentsReady', 'HostAccessReady', 'Ready'] as const;
export type ConditionType = (typeof CONDITIONS)[number];
