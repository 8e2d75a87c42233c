// When the pod that holds an identity is gone. Only proof counts: two pods with one address would both be cut off.
import type { Node, Pod } from '../../api/kube.ts';
import type { IdentityHolder } from '../../api/v1alpha1/identity.ts';

/**
 * Ended: its kubelet said that nothing of it runs any more. NeverStarted: it vanished before it was sent to a node. NothingLeft: the
 * agent of its node saw that nothing of it is left there. NodeGone, OutOfService, NewBoot: nothing of it can run there. Released: a
 * person said so.
 */
export type Proof = 'Ended' | 'NeverStarted' | 'NothingLeft' | 'NodeGone' | 'OutOfService' | 'NewBoot' | 'Released';

export interface HolderFacts {
  readonly holder: IdentityHolder;
  /** The very pod (by uid), as long as the API server has it. */
  readonly pod: Pod | undefined;
  /** How a pod that vanished was when it went, or what holds of it in any case; nothing when nobody saw it go. */
  readonly lastSeen: Pod | undefined;
  /** Nothing when it left the cluster, or when it is not known which it was. */
  readonly node: Node | undefined;
  /** Uids of pods of which nothing is left, as the agent of that node tells. */
  readonly ended?: ReadonlySet<string>;
  /** Uid of the pod that a person released. */
  readonly released: string | undefined;
}

const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Why the holder is known to be gone; nothing while it may still be there. */
export function proofOf(facts: HolderFacts): Proof | undefined {
  const { holder, pod, lastSeen, ended, released } = facts;
  if (hasEnded(pod ?? lastSeen)) return 'Ended';
  if (pod !== undefined && pod.metadata.deletionTimestamp === undefined) return undefined;
  if (released === holder.uid) return 'Released';
  if (pod === undefined && lastSeen !== undefined && nodeNameOf(lastSeen) === undefined && holder.node === undefined)
    return 'NeverStarted';
  // Of a pod that has an object, no agent can say so; and its kubelet may start it again.
  if (pod === undefined && ended?.has(holder.uid) === true) return 'NothingLeft';
  return proofByNode(facts);
}

/**
 * A kubelet writes the last phase when all containers and the network of a pod are down, and not before; that a pod object
 * vanished says nothing, since it may have been deleted by force.
 */
export function hasEnded(pod: Pod | undefined): boolean {
  const phase = pod?.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed';
}

/**
 * Whether the next step rests on what the node's object says: a proof by it, or the boot that is noted of a pod that vanished. Such an
 * object has to be as the API server has it now. An old one may lack a node that has joined, or show a boot that is over.
 */
export function restsOnNode(facts: HolderFacts): boolean {
  const proof = proofOf(facts);
  if (proof !== undefined) return BY_NODE.has(proof);
  return facts.pod === undefined && facts.holder.bootId === undefined && facts.node !== undefined;
}

const BY_NODE: ReadonlySet<Proof> = new Set(['NodeGone', 'OutOfService', 'NewBoot']);

/** Whether what is to be seen of the pod holds for ever: it never goes to another node, and what has ended does not start again. */
export function isLasting(pod: Pod): boolean {
  return nodeNameOf(pod) !== undefined || hasEnded(pod);
}

function proofByNode({ holder, pod, lastSeen, node }: HolderFacts): Proof | undefined {
  const name = nodeNameOf(pod ?? lastSeen) ?? holder.node;
  if (name === undefined) return undefined; // it may be anywhere
  if (node === undefined) return 'NodeGone';
  if (node.spec?.taints?.some((taint) => taint.key === OUT_OF_SERVICE) === true) return 'OutOfService';
  // After a reboot the kubelet starts the pods that still exist again: only one whose object went before stays down.
  const bootId = node.status?.nodeInfo?.bootID;
  const isLater = bootId !== undefined && holder.bootId !== undefined && bootId !== holder.bootId;
  return pod === undefined && isLater ? 'NewBoot' : undefined;
}

/** The node that a pod was sent to. */
export function nodeNameOf(pod: Pod | undefined): string | undefined {
  return pod?.spec.nodeName || undefined;
}

/** For a person who waits: who holds the identity, and what would help. */
export function describeHolder(facts: HolderFacts): string {
  const { holder, pod } = facts;
  const where = holder.node === undefined ? '' : ` on node ${holder.node}`;
  const who = `pod ${holder.pod} (uid ${holder.uid})${where}`;
  if (pod === undefined) return `${who}, which vanished without proof that it ended`;
  return pod.metadata.deletionTimestamp === undefined ? who : `${who}, which is being deleted`;
}
