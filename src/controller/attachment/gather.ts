// Gather: everything that the decision about one attachment is made from, as one value.
import type { NetworkAttachmentDefinition } from '../../api/multus.ts';
import { LABEL_ATTACHMENT } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { AttachmentFacts } from '../../domain/attachment/facts.ts';
import { isOurs } from '../../domain/attachment/network-definition-metadata.ts';
import { isOfEarlierBoot } from '../../domain/earlier-boot.ts';
import type { Conflicts } from '../identity/conflict-sight.ts';
import { olderPoolsOf } from '../identity/one-lan.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { Stores } from '../stores.ts';
import type { Reports } from './reports.ts';

export interface Sight {
  readonly stores: Stores;
  readonly attachments: OwnWrites<MacvlanAttachment>;
  readonly definitions: OwnWrites<NetworkAttachmentDefinition>;
  readonly reports: Reports;
  /** Missing where nobody looks for any. */
  readonly conflicts?: Pick<Conflicts, 'onAttachment'>;
  /** Whether the cluster knows NetworkAttachmentDefinitions, as far as the watch can tell. */
  readonly multus: () => AttachmentFacts['multus'];
}

/** @param now milliseconds since 1970 */
export function gatherAttachment(sight: Sight, name: string, now: number): AttachmentFacts {
  const { stores, reports } = sight;
  const attachment = sight.attachments.get(name);
  return {
    name,
    attachment,
    multus: sight.multus(),
    namespaces: stores.namespaces.list(),
    owned: ownedBy(sight, name, attachment),
    nodes: stores.nodes.list(),
    reports: stores.nodeStates.by('attachment', name).flatMap((state) => {
      const report = reports.about(name, state);
      if (report === undefined) return [];
      const isOver = isOfEarlierBoot(state, stores.nodes.get(report.node));
      return [isOver ? ({ ...report, isOfEarlierBoot: true } as const) : report];
    }),
    holders: 'NotAsked',
    ...(sight.conflicts === undefined ? {} : { conflicts: sight.conflicts.onAttachment(name) }),
    olderPools: attachment === undefined ? [] : olderPoolsOf(stores, attachment),
    now,
  };
}

/**
 * NADs of the attachment's name that carry one of our labels. One whose label names another attachment was edited, and is put
 * right as long as its attachment exists; without one it may as well be somebody's copy, and is left alone.
 */
function ownedBy(
  sight: Sight,
  name: string,
  attachment: MacvlanAttachment | undefined,
): readonly NetworkAttachmentDefinition[] {
  const ours = sight.definitions.by('name', name, (definition) => definition.metadata.name === name).filter(isOurs);
  if (attachment !== undefined) return ours;
  return ours.filter(({ metadata: { labels } }) => (labels?.[LABEL_ATTACHMENT] ?? name) === name);
}
