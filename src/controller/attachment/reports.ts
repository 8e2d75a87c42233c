// What the agents say, sorted by attachment. A node's state is one object about all attachments; it is taken apart once.
import type { MacvlanNodeState } from '../../api/v1alpha1/node-state.ts';
import type { NodeReport } from '../../domain/attachment/facts.ts';
import { isEqual } from '../../domain/objects/equal.ts';

type ByAttachment = ReadonlyMap<string, NodeReport>;

/** Remembers the parts of each state for as long as the store keeps it. */
export class Reports {
  readonly #known = new WeakMap<MacvlanNodeState, ByAttachment>();

  /** What this state says about one attachment; nothing when it says nothing. */
  about(attachment: string, state: MacvlanNodeState): NodeReport | undefined {
    return this.#partsOf(state).get(attachment);
  }

  /** Names of the attachments about which the two states say different things. */
  changedBetween(old: MacvlanNodeState | undefined, current: MacvlanNodeState | undefined): readonly string[] {
    const before: ByAttachment = old === undefined ? new Map() : this.#partsOf(old);
    const after: ByAttachment = current === undefined ? new Map() : this.#partsOf(current);
    const names = new Set([...before.keys(), ...after.keys()]);
    // The same words count again when they are said of this boot.
    if (old?.status?.agent?.nodeBootId !== current?.status?.agent?.nodeBootId) return [...names];
    return [...names].filter((name) => !isEqual(before.get(name), after.get(name)));
  }

  #partsOf(state: MacvlanNodeState): ByAttachment {
    const known = this.#known.get(state);
    if (known !== undefined) return known;
    const parts = takeApart(state);
    this.#known.set(state, parts);
    return parts;
  }
}

function takeApart({ metadata, status }: MacvlanNodeState): ByAttachment {
  const parts = new Map<string, NodeReport>();
  for (const entry of status?.attachments ?? []) parts.set(entry.name, { node: metadata.name, entry, pods: [] });
  for (const pod of status?.pods ?? []) {
    const before = parts.get(pod.attachment);
    const pods = [...(before?.pods ?? []), pod];
    parts.set(pod.attachment, { node: metadata.name, entry: before?.entry, pods });
  }
  return parts;
}
