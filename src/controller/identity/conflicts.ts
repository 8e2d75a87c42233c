// One address that may be in two places: the pods are asked, and if it lasts, everybody concerned is told. Nothing else is done.
//
//   looks like one ──(the pods agree)──▶ suspect ──(still so, after a moment)──▶ told ──(gone)──▶ taken back

import { POD } from '../../api/kube.ts';
import { API_VERSION } from '../../api/names.ts';
import type { IdentityReference } from '../../api/v1alpha1/claim.ts';
import { IDENTITY } from '../../api/v1alpha1/identity.ts';
import { describeConflict, remedyFor } from '../../domain/identity/conflict-text.ts';
import { type Conflict, judgeAddress, type Sighting } from '../../domain/identity/conflicts.ts';
import { hasEnded } from '../../domain/identity/release.ts';
import { agrees } from '../../domain/pod/eviction.ts';
import type { Answer, Reconcile } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { EventRecorder } from '../../kernel/kube/events.ts';
import { type Clock, monotonicClock } from '../../kernel/process/clock.ts';
import type { Stores } from '../stores.ts';
import { type Conflicts, gatherAddress } from './conflict-sight.ts';

/** A pod that ends gives its address back a moment before its agent says so. In milliseconds. */
const CONFIRM_MS = 5000;
/** While there is a conflict, the pods are asked again after this. In milliseconds. */
const LOOK_AGAIN_MS = 60_000;
/** So many pods with one address are asked: with two of them, it is a conflict. */
const ASKED_AT_MOST = 10;

export interface ConflictPorts {
  readonly client: Pick<KubeClient, 'get'>;
  readonly stores: Stores;
  readonly conflicts: Conflicts;
  readonly events: Pick<EventRecorder, 'record'>;
  /** Attachments and groups of identities that have something new to say. */
  readonly wake: { readonly attachment: (name: string) => void; readonly identity: (owner: IdentityReference) => void };
  readonly clock?: Clock;
  /** Default 5000. */
  readonly confirmMs?: number;
}

/** Keys are addresses. */
export function reconcileConflicts(ports: ConflictPorts): Reconcile {
  const { stores, conflicts, clock = monotonicClock, confirmMs = CONFIRM_MS } = ports;
  /** When each address first was in two places. */
  const since = new Map<string, number>();
  return async (address, signal) => {
    const facts = gatherAddress(stores, address);
    const suspicion = judgeAddress(facts);
    const sightings = suspicion === undefined ? [] : await confirmed(ports, suspicion.sightings, signal);
    const found = judgeAddress({ ...facts, sightings });
    if (found === undefined) {
      since.delete(address);
      // Of a node that is long gone, something may be told for ever: it is not asked about again.
      settle(ports, address, suspicion === undefined ? undefined : 'None');
      return { type: 'done' };
    }
    const first = since.get(address) ?? clock.now();
    since.set(address, first);
    const left = first + confirmMs - clock.now();
    if (left > 0 && conflicts.of(address) === undefined) return { type: 'later', ms: left };
    settle(ports, address, found);
    return LOOK_AGAIN;
  };
}

const LOOK_AGAIN: Answer = { type: 'later', ms: LOOK_AGAIN_MS };

/** What agents say of pods counts where the pod itself agrees: it is that one, on that node, and has not ended. */
async function confirmed(
  { client, stores }: ConflictPorts,
  sightings: readonly Sighting[],
  signal: AbortSignal,
): Promise<readonly Sighting[]> {
  const found: Sighting[] = [];
  for (const sighting of sightings.slice(0, ASKED_AT_MOST)) {
    const { namespace, name, node } = sighting;
    const seen = stores.pods.get(`${namespace}/${name}`);
    const isSeen = seen !== undefined && agrees(seen, sighting, node);
    const pod = isSeen ? seen : await client.get(POD, { namespace, name }, signal);
    if (pod !== undefined && agrees(pod, sighting, node) && !hasEnded(pod)) found.push(sighting);
  }
  return found;
}

function settle(ports: ConflictPorts, address: string, verdict: Conflict | 'None' | undefined): void {
  const { conflicts, wake } = ports;
  const before = conflicts.of(address);
  conflicts.set(address, verdict);
  const after = conflicts.of(address);
  const [said, says] = [before, after].map((conflict) => conflict && describeConflict(conflict));
  if (said === says) return;
  const both = [before, after].filter((conflict) => conflict !== undefined);
  for (const attachment of new Set(both.flatMap(({ attachments }) => attachments))) wake.attachment(attachment);
  for (const owner of both.flatMap(({ owners }) => owners)) wake.identity(owner);
  if (after !== undefined) tell(ports, after);
}

function tell({ events, stores }: ConflictPorts, conflict: Conflict): void {
  const pods = conflict.sightings.map(({ namespace, name, uid }) => ({
    apiVersion: POD.apiVersion,
    kind: POD.kind,
    metadata: { namespace, name, uid },
  }));
  const identities = conflict.owners.flatMap(({ namespace, name }) => {
    const identity = stores.identities.get(`${namespace}/${name}`);
    return identity === undefined ? [] : [{ ...identity, apiVersion: API_VERSION, kind: IDENTITY.kind }];
  });
  const note = `${describeConflict(conflict)} ${remedyFor(conflict)}`;
  for (const regarding of [...pods, ...identities]) {
    events.record({ regarding, type: 'Warning', reason: 'AddressConflict', action: 'LookingAtAddresses', note });
  }
}
