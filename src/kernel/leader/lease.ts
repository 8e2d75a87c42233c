// The Lease object that candidates write, and the pure questions about it.
import type { Kind, KubeObject, ObjectMeta } from '../../api/kube.ts';
import { microTime } from '../kube/time.ts';

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

export const LEASE: Kind<Lease> = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

/** The lease as `identity` takes or renews it at `now` (Unix ms). The times inside are for people; nobody decides by them. */
export function heldBy(
  identity: string,
  old: { readonly metadata: ObjectMeta; readonly spec?: LeaseSpec },
  times: { readonly now: number; readonly leaseMs: number },
): Lease {
  const mine = old.spec?.holderIdentity === identity;
  const now = microTime(times.now);
  return {
    metadata: old.metadata,
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(times.leaseMs / 1000),
      acquireTime: mine ? (old.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (old.spec?.leaseTransitions ?? 0) + (mine || old.spec === undefined ? 0 : 1),
    },
  };
}

/** The lease as its holder gives it back: free for whoever asks next, without waiting. */
export function released(old: Lease, now: number): Lease {
  return {
    metadata: old.metadata,
    spec: { ...old.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) },
  };
}
