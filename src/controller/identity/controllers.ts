// The controllers of identities, put together: those that bind pods, tell those that came too late, and look for conflicts.
import type { RawPins } from '../../api/names.ts';
import type { IdentityReference } from '../../api/v1alpha1/claim.ts';
import { Controller, type ControllerOptions } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { EventRecorder } from '../../kernel/kube/events.ts';
import { OwnWrites } from '../own-writes.ts';
import type { Stores } from '../stores.ts';
import type { Conflicts } from './conflict-sight.ts';
import { reconcileConflicts } from './conflicts.ts';
import { groupKeyOfClaim, groupKeyOfIdentity, groupKeyOfPod } from './keys.ts';
import type { LastSeen } from './last-seen.ts';
import { reconcileIdentities } from './reconciler.ts';
import { reconcileUnbound } from './unbound.ts';
import type { WaitingPods } from './waiting-pods.ts';

const IDENTITY_WORKERS = 8;

export interface IdentityDependencies {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly events: EventRecorder;
  /** The operator's own namespace. */
  readonly namespace: string;
  /** What the guards say of addresses on networks that are not ours. */
  readonly rawPins: RawPins;
  readonly lastSeen: LastSeen;
  readonly conflicts: Conflicts;
  readonly waiting: WaitingPods;
  /** What all controllers of the process have, with a queue for each. */
  readonly shared: () => Omit<ControllerOptions, 'name' | 'reconcile' | 'concurrency'>;
  readonly wake: { readonly attachment: (name: string) => void; readonly identity: (owner: IdentityReference) => void };
  readonly confirmMs?: number | undefined;
}

export interface IdentityControllers {
  /** Keys are `namespace/group`. */
  readonly identities: Controller;
  /** Keys are `namespace/name`. */
  readonly unbound: Controller;
  /** Keys are addresses. */
  readonly conflicts: Controller;
}

export function createIdentityControllers(dependencies: IdentityDependencies): IdentityControllers {
  const { client, stores, events, namespace, rawPins, lastSeen, conflicts, waiting, shared, wake, confirmMs } =
    dependencies;
  const sight = {
    client,
    stores,
    pods: new OwnWrites(stores.pods),
    identities: new OwnWrites(stores.identities),
    claims: new OwnWrites(stores.claims),
    lastSeen,
  };
  const looking = { client, stores, conflicts, events, wake, ...(confirmMs === undefined ? {} : { confirmMs }) };
  const identities = new Controller({
    ...shared(),
    name: 'identities',
    reconcile: reconcileIdentities({ client, events, namespace, rawPins, conflicts, waiting, sight }),
    concurrency: IDENTITY_WORKERS,
  });
  // What the watches never brought back may have been deleted meanwhile, and nothing else would tell.
  sight.pods.onDoubt((pod) => identities.enqueue(groupKeyOfPod(pod)));
  sight.identities.onDoubt((identity) => identities.enqueue(groupKeyOfIdentity(identity)));
  sight.claims.onDoubt((claim) => identities.enqueue(groupKeyOfClaim(claim)));
  return {
    identities,
    unbound: new Controller({ ...shared(), name: 'unbound', reconcile: reconcileUnbound({ stores, events }) }),
    conflicts: new Controller({ ...shared(), name: 'conflicts', reconcile: reconcileConflicts(looking) }),
  };
}
