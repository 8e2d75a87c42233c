// NICs that were chosen and verified, from turn to turn and from one agent process to the next.
import type { MacvlanAttachment } from '../api/v1alpha1/attachment.ts';
import type { MacvlanNodeState } from '../api/v1alpha1/node-state.ts';
import { findByIndex, type Network } from '../domain/net/network.ts';
import type { Choice } from '../domain/parent/match.ts';

/** Choices by attachment, see {@link choiceKeyOf}. */
export type Choices = ReadonlyMap<string, Choice>;

/** An attachment that was made anew under its name inherits nothing. */
export function choiceKeyOf({ name, uid }: { readonly name: string; readonly uid?: string }): string {
  return uid ?? name;
}

/**
 * What the agent before this one had chosen. That counts only within one boot, since indexes start anew, and only what was
 * verified: the wish is written down with the alias. Of use in the first turn alone: later, the state is behind the turns.
 */
export function choicesIn(state: MacvlanNodeState | undefined, bootId: string): Choices {
  const { agent, attachments = [], interfaces = [] } = state?.status ?? {};
  if (agent?.bootId !== bootId) return new Map();
  return new Map(
    attachments.flatMap(({ name, uid, ifindex, wish }) => {
      if (ifindex === undefined || wish === undefined) return [];
      const nic = interfaces.find((candidate) => candidate.ifindex === ifindex);
      return [[uid ?? name, { ifindex, mac: nic?.permanentMac ?? nic?.mac ?? '', wish }] as const];
    }),
  );
}

/** What a plan says about one attachment, as far as its choice is concerned. */
interface Chosen {
  readonly attachment: MacvlanAttachment;
  readonly alias: string;
  readonly choice?: Choice;
}

/** The choices that stand after a turn: a NIC is chosen afresh each time until the alias was put on it once. */
export function keptChoices(plans: readonly Chosen[], network: Network, before: Choices): Choices {
  return new Map(
    plans.flatMap(({ attachment, alias, choice }) => {
      if (choice === undefined) return [];
      const key = choiceKeyOf(attachment.metadata);
      const known = before.get(key);
      const wasVerified = known?.ifindex === choice.ifindex && known.wish === choice.wish;
      const isVerified = findByIndex(network.links, choice.ifindex)?.altNames.includes(alias) === true;
      return wasVerified || isVerified ? [[key, choice] as const] : [];
    }),
  );
}
