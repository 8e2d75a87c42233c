// Which attachments are on one LAN, by what the agents tell of their NICs: two on one NIC of some node are.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { addressKey, areOneLanOn } from '../../domain/identity/conflicts.ts';
import { olderPools } from '../../domain/identity/overlap.ts';
import type { Stores } from '../stores.ts';

type LanStores = Pick<Stores, 'attachments' | 'nodeStates'>;

export function isOneLan({ nodeStates }: Pick<LanStores, 'nodeStates'>, attachment: string, other: string): boolean {
  if (attachment === other) return true;
  return nodeStates.by('attachment', attachment).some((state) => areOneLanOn(state, attachment, other));
}

/**
 * The nodes' own addresses on the LAN of an attachment, and those by which the cluster knows them: no pod may have them. The latter are
 * there before any agent has told on which NIC the attachment is, and by then a pod would keep what it got.
 */
export function nodeAddressesOn(
  { nodeStates, nodes }: Pick<Stores, 'nodeStates' | 'nodes'>,
  attachment: string,
): ReadonlySet<string> {
  const known = nodes.list().flatMap(({ status }) => status?.addresses ?? []);
  const own = nodeStates.by('attachment', attachment).flatMap(({ status }) => {
    const parent = status?.attachments?.find(({ name }) => name === attachment)?.interface;
    return status?.interfaces?.find(({ name }) => name === parent)?.addresses ?? [];
  });
  const texts = [...own, ...known.filter(({ type }) => type === 'InternalIP').map(({ address }) => address)];
  return new Set(texts.map((text) => addressKey(text) ?? text));
}

/** Older attachments on the same LAN with a pool that has addresses of this one's pool. */
export function olderPoolsOf(stores: LanStores, attachment: MacvlanAttachment): readonly MacvlanAttachment[] {
  if (attachment.spec.ipam.type !== 'Pool') return [];
  const others = stores.attachments.list().filter(({ spec }) => spec.ipam.type === 'Pool');
  return olderPools(attachment, others, (one, other) => isOneLan(stores, one, other));
}
