// One pod that is about to start on a node without an identity: told, once, if it needed one.
import { POD, type Pod } from '../../api/kube.ts';
import { linksOf } from '../../domain/identity/links.ts';
import { whyUnbound } from '../../domain/identity/unbound.ts';
import type { Reconcile } from '../../kernel/controller/controller.ts';
import type { EventRecorder } from '../../kernel/kube/events.ts';
import type { Stores } from '../stores.ts';
import { networkViewOf } from './gather.ts';

export interface UnboundPorts {
  readonly stores: Stores;
  readonly events: Pick<EventRecorder, 'record'>;
}

/** Keys are `namespace/name`. */
export function reconcileUnbound({ stores, events }: UnboundPorts): Reconcile {
  /** Key → uid of the pod that was told. */
  const told = new Map<string, string>();
  const view = networkViewOf({ stores });
  return async (key) => {
    const pod = stores.starting.get(key);
    if (pod === undefined) told.delete(key);
    else if (told.get(key) !== pod.metadata.uid) tell(pod);
    return { type: 'done' };

    function tell(found: Pod): void {
      const links = linksOf(found, view);
      const refusal = 'reason' in links ? undefined : whyUnbound(found, links);
      if (refusal === undefined) return;
      told.set(key, found.metadata.uid ?? '');
      const { reason, message, remedy } = refusal;
      const regarding = { ...found, apiVersion: POD.apiVersion, kind: POD.kind };
      events.record({ regarding, type: 'Warning', reason, action: 'Attaching', note: `${message} ${remedy}` });
    }
  };
}
