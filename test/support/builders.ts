// Objects for tests, with defaults for everything that a test does not care about.
import type { Condition, Namespace, Node } from '../../src/api/kube.ts';
import type { NetworkAttachmentDefinition } from '../../src/api/multus.ts';
import { API_VERSION, FINALIZER, LABEL_ATTACHMENT, LABEL_MANAGED_BY, MANAGED_BY } from '../../src/api/names.ts';
import type { MacvlanAttachment, MacvlanAttachmentSpec } from '../../src/api/v1alpha1/attachment.ts';
import type { MacvlanNodeState, NodeAttachment, NodePod } from '../../src/api/v1alpha1/node-state.ts';
import type { AttachmentFacts, Holders } from '../../src/domain/attachment/facts.ts';

/** 2026-01-01T00:00:00Z */
export const NOW = Date.UTC(2026, 0, 1);

export interface AttachmentInit {
  readonly name?: string;
  readonly spec?: Partial<MacvlanAttachmentSpec>;
  readonly metadata?: Partial<MacvlanAttachment['metadata']>;
  readonly status?: MacvlanAttachment['status'];
}

/** A DHCP attachment in the namespace `home`, as it looks after the controller has seen it. */
export function attachment(init: AttachmentInit = {}): MacvlanAttachment {
  return {
    apiVersion: API_VERSION,
    kind: 'MacvlanAttachment',
    metadata: { name: init.name ?? 'lan', generation: 1, finalizers: [FINALIZER], ...init.metadata },
    spec: { namespaces: { names: ['home'] }, ipam: { type: 'DHCP' }, ...init.spec },
    ...(init.status === undefined ? {} : { status: init.status }),
  };
}

/** The same, deleted a second ago. */
export function deleted(init: AttachmentInit = {}): MacvlanAttachment {
  const deletionTimestamp = new Date(NOW - 1000).toISOString();
  return attachment({ ...init, metadata: { deletionTimestamp, ...init.metadata } });
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Namespace {
  return { metadata: { name, labels }, status: { phase: 'Active' } };
}

export interface NodeInit {
  readonly labels?: Readonly<Record<string, string>>;
  /** Default True. */
  readonly ready?: 'True' | 'False' | 'Unknown';
  /** For how long the readiness has been what it is, in milliseconds; default a day. */
  readonly sinceMs?: number;
}

export function node(name: string, init: NodeInit = {}): Node {
  const lastTransitionTime = new Date(NOW - (init.sinceMs ?? 86_400_000)).toISOString();
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...init.labels } },
    status: { conditions: [{ type: 'Ready', status: init.ready ?? 'True', lastTransitionTime }] },
  };
}

/** What a node says about the attachment `lan`: ready. */
export function nodeEntry(init: Partial<NodeAttachment> = {}): NodeAttachment {
  return {
    name: 'lan',
    phase: 'Ready',
    observedGeneration: 1,
    interface: 'eth0',
    ifindex: 2,
    incarnation: 'boot/2',
    hostAccess: 'None',
    ...init,
  };
}

/** A pod `home/<name>` with a link on `lan`. */
export function nodePod(name: string, init: Partial<NodePod> = {}): NodePod {
  const rest = { uid: `uid-${name}`, attachment: 'lan', interface: 'net1', state: 'Attached' } as const;
  return { namespace: 'home', name, ...rest, ...init };
}

/** Pods `home/<name>` on node `a` that were asked and are attached. */
export function held(...names: readonly string[]): Holders {
  return { pods: names.map((name) => ({ namespace: 'home', name, node: 'a' })), more: 0 };
}

export function nodeState(
  name: string,
  attachments: readonly NodeAttachment[] = [],
  rest: Partial<MacvlanNodeState['status']> = {},
): MacvlanNodeState {
  return { apiVersion: API_VERSION, kind: 'MacvlanNodeState', metadata: { name }, status: { attachments, ...rest } };
}

/** A NAD with our labels. */
export function definition(namespaceName: string, name = 'lan', config = '{}'): NetworkAttachmentDefinition {
  const labels = { [LABEL_ATTACHMENT]: name, [LABEL_MANAGED_BY]: MANAGED_BY };
  return { metadata: { name, namespace: namespaceName, labels }, spec: { config } };
}

/** Facts about the attachment `lan` in a cluster with the namespace `home`, no nodes, and Multus. */
export function facts(init: Partial<AttachmentFacts> = {}): AttachmentFacts {
  return {
    name: 'lan',
    attachment: attachment(),
    multus: 'Present',
    namespaces: [namespace('home')],
    owned: [],
    nodes: [],
    reports: [],
    holders: 'NotAsked',
    now: NOW,
    ...init,
  };
}

/** The condition of that type, or a failed test. */
export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition {
  const found = conditions?.find((condition) => condition.type === type);
  if (found === undefined) throw new Error(`no condition ${type}`);
  return found;
}
