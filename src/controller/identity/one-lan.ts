// Which attachments are on one LAN, by what the agents tell of their NICs: two on one NIC of some node are.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { areOneLanOn } from '../../domain/identity/conflicts.ts';
import { olderPools } from '../../domain/identity/overlap.ts';
import type { Stores } from '../stores.ts';

type LanStores = Pick<Stores, 'attachments' | 'nodeStates'>;

export function isOneLan({ nodeStates }: Pick<LanStores, 'nodeStates'>, attachment: string, other: string): boolean {
  if (attachment === other) return true;
  return nodeStates.by('attachment', attachment).some((state) => areOneLanOn(state, attachment, other));
}

/** Older attachments on the same LAN with a pool that has addresses of this one's pool. */
export function olderPoolsOf(stores: LanStores, attachment: MacvlanAttachment): readonly MacvlanAttachment[] {
  if (attachment.spec.ipam.type !== 'Pool') return [];
  const others = stores.attachments.list().filter(({ spec }) => spec.ipam.type === 'Pool');
  return olderPools(attachment, others, (one, other) => isOneLan(stores, one, other));
}
