// MacvlanIdentity: the durable identity of one workload. It outlives pods, nodes and, exported, the cluster.
import type { Condition, Kind, KubeObject } from '../kube.ts';
import { API_VERSION } from '../names.ts';
import type { MacAddress } from './values.ts';

/**
 * The durable identity of one workload: the MAC and IP addresses that its pod has on each attachment, whichever pod it is and on
 * whichever node. The controller makes one when a pod first asks; make or edit one yourself to choose the addresses.
 */
export interface MacvlanIdentity extends KubeObject {
  readonly spec: MacvlanIdentitySpec;
  readonly status?: MacvlanIdentityStatus;
}

/** What the identity consists of. */
export interface MacvlanIdentitySpec {
  /**
   * Addresses by attachment. The controller adds what is missing. What you write yourself is used where the attachment says
   * `pins: Allow`, from the next pod on.
   * @maxItems 32
   * @listType map
   * @listMapKeys ["attachment", "index"]
   */
  readonly attachments?: readonly IdentityLink[];
  /**
   * What becomes of the identity and its addresses when no pod holds it any more.
   * @default {"type":"Retain"}
   */
  readonly reclaim?: Reclaim;
}

/** The addresses of one link. */
export interface IdentityLink {
  /**
   * Name of the attachment.
   * @maxLength 63
   */
  readonly attachment: string;
  /**
   * Which of the pod's links on this attachment, where it has several: 0 is the first.
   * @asType integer
   * @minimum 0
   * @maximum 31
   * @default 0
   */
  readonly index: number;
  /** MAC address. Default: derived from the identity's name. */
  readonly mac?: MacAddress;
  /**
   * IP addresses. Default: from the ranges of an attachment with addresses of type Pool; none for the other types.
   * @maxItems 8
   * @listType atomic
   */
  readonly ips?: readonly LinkAddress[];
}

/**
 * An IPv4 or IPv6 address, with or without prefix length.
 * @minLength 2
 * @maxLength 43
 * @validation {"rule":"isIP(self) || isCIDR(self)","message":"must be an IP address such as 192.168.1.50 or 192.168.1.50/24"}
 */
export type LinkAddress = string;

/**
 * What becomes of an identity that no pod holds.
 * @validation {"rule":"!has(self.after) || self.type == 'Delete'","message":"after belongs to type Delete"}
 */
export interface Reclaim {
  /** Retain: it stays until somebody deletes it. Delete: it is deleted, and its addresses are free for others. */
  readonly type: 'Retain' | 'Delete';
  /**
   * How long after its last pod it is deleted, as hours, minutes and seconds such as 24h or 1h30m. Default: 720h.
   * @maxLength 32
   * @validation {"rule":"self.matches('^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$') && self != ''","message":"must be a duration such as 24h, 90m or 1h30m"}
   */
  readonly after?: string;
}

/** Who has the identity now. */
export interface MacvlanIdentityStatus {
  /** Bound: a pod holds it. Waiting: a pod asks for it and cannot have it yet, see conditions. Free: nobody does. */
  readonly phase?: 'Bound' | 'Free' | 'Waiting';
  /** The pod that holds it. It is given to another pod only when this one is proved to be gone. */
  readonly holder?: IdentityHolder;
  /**
   * When the last pod was proved to be gone.
   * @format date-time
   */
  readonly lastHeld?: string;
  /**
   * Waiting: whether a pod waits for this identity, and for whom or what it waits. Conflict: whether one of its addresses is
   * somewhere else, too.
   * @maxItems 8
   * @listType map
   * @listMapKeys ["type"]
   */
  readonly conditions?: readonly Condition[];
}

/** The pod that holds an identity. */
export interface IdentityHolder {
  /** Name of the pod. */
  readonly pod: string;
  /** Uid of the pod. */
  readonly uid: string;
  /** The node that it was sent to. */
  readonly node?: string;
  /**
   * For a pod that vanished without proof that it ended: the boot of its node at that time. A later boot is proof, since nobody
   * starts the pod again.
   */
  readonly bootId?: string;
}

export const IDENTITY: Kind<MacvlanIdentity> = {
  apiVersion: API_VERSION,
  kind: 'MacvlanIdentity',
  plural: 'macvlanidentities',
  namespaced: true,
};
