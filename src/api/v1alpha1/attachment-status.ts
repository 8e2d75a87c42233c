// What the controller says of a MacvlanAttachment; part of the same schema as attachment.ts.
import type { Condition } from '../kube.ts';

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
   * Accepted, Rendered, ParentsReady, HostAccessReady, DhcpReady, PodsConnected, and Ready, which sums these up; NoWarnings is told beside it.
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
   * Pods that were given a link on this LAN.
   * @asType integer
   */
  readonly attached: number;
  /**
   * Of these, the ones whose link vanished and was not made again.
   * @asType integer
   */
  readonly ghost?: number;
  /**
   * Of these, the ones whose link has older settings than the attachment, or is on another NIC.
   * @asType integer
   */
  readonly stale?: number;
}

/** A problem as shown in a status. */
export interface ProblemStatus {
  /** Code; listed in docs/reference/problems.md. */
  readonly reason: string;
  /** What is wrong. */
  readonly message: string;
  /** Warning: it may get in the way, and nothing is held back for it. Default: something does not work. */
  readonly severity?: 'Warning';
  /** What to do about it. */
  readonly remedy?: string;
  /** The node that it is about. */
  readonly node?: string;
  /** The namespace that it is about. */
  readonly namespace?: string;
}
