// Which NIC of a node is meant: the first rule for the node, the one candidate that fits it, and why there is none otherwise.
import type { MacvlanAttachment, ParentMatch, ParentRule } from '../../api/v1alpha1/attachment.ts';
import { aliasFor } from '../attachment/alias.ts';
import { base32, hash64 } from '../net/hash.ts';
import { findByIndex, type Link, type Network } from '../net/network.ts';
import type { Problem } from '../problem.ts';
import { hasLabels } from '../select.ts';
import { candidatesOf, unfitness } from './candidate.ts';
import { factsOf, identityMac } from './fact.ts';

/** What an attachment without rules means. */
const DEFAULT_RULES: readonly ParentRule[] = [{ interface: { defaultRoute: 'IPv4' } }];

/** A parent that was chosen, and for which wish: the wish decides whether the choice still stands. */
export interface Choice {
  readonly ifindex: number;
  /** Its identity then (see {@link identityMac}). A device that comes from another namespace may bring a known index along. */
  readonly mac: string;
  /** See {@link wishOf}. */
  readonly wish: string;
}

export type Decision =
  | { readonly type: 'Chosen'; readonly link: Link; readonly choice: Choice }
  | { readonly type: 'None'; readonly problem: Problem };

type Labels = Readonly<Record<string, string>> | undefined;

/**
 * The parent of the attachment on this node. A previous choice stands as long as its device is there and can carry the LAN
 * and the wish is the same: a NIC that is renamed or loses the default route stays the parent.
 */
export function decideParent(
  attachment: MacvlanAttachment,
  nodeLabels: Labels,
  network: Network,
  previous: Choice | undefined,
): Decision {
  const rule = ruleFor(attachment, nodeLabels);
  if (rule === undefined) return { type: 'None', problem: noRule() };
  const wish = wishOf(rule.interface);
  const kept = previous?.wish === wish ? findAgain(previous, aliasFor(attachment.metadata.name), network) : undefined;
  if (kept !== undefined && unfitness(kept, network) === undefined) return chosen(kept, wish);
  return choose(rule.interface, network);
}

/** The chosen device, if it is still there. Its MAC address may have been changed meanwhile: then the alias on it tells. */
function findAgain({ ifindex, mac }: Choice, alias: string, { links }: Network): Link | undefined {
  const link = findByIndex(links, ifindex);
  return link !== undefined && (identityMac(link) === mac || link.altNames.includes(alias)) ? link : undefined;
}

/** The first rule that applies to a node with these labels. */
export function ruleFor(attachment: MacvlanAttachment, nodeLabels: Labels): ParentRule | undefined {
  const rules = attachment.spec.parents ?? DEFAULT_RULES;
  return rules.find((rule) => hasLabels(nodeLabels, rule.nodeSelector ?? {}));
}

/** The wish as a short text: equal wishes give equal text, in whatever order and spelling they were written. */
export function wishOf(match: ParentMatch): string {
  return base32(hash64(JSON.stringify(factsOf(match).map((fact) => [fact.key, fact.wanted]))), 13);
}

function choose(match: ParentMatch, network: Network): Decision {
  const fits = (link: Link): boolean => holds(match, link, network);
  const found = candidatesOf(network).filter(fits);
  const [link] = found;
  if (link === undefined) return { type: 'None', problem: missing(match, network) };
  if (found.length > 1) return { type: 'None', problem: ambiguous(match, found) };
  return chosen(link, wishOf(match));
}

function chosen(link: Link, wish: string): Decision {
  return { type: 'Chosen', link, choice: { ifindex: link.ifindex, mac: identityMac(link), wish } };
}

/** Whether all facts that the rule names are true of the link. A rule without any is true of none. */
function holds(match: ParentMatch, link: Link, network: Network): boolean {
  const facts = factsOf(match);
  return facts.length > 0 && facts.every((fact) => fact.holds(link, network));
}

/** The rule in words: `the name enp3s0 and the MAC address 52:54:…`. */
function describe(match: ParentMatch): string {
  return factsOf(match)
    .map((fact) => fact.inWords)
    .join(' and ');
}

function listNics(links: readonly Link[]): string {
  if (links.length === 0) return 'none';
  const shown = links.slice(0, 8).map((link) => `${link.name} (${identityMac(link)})`);
  return links.length > shown.length ? `${shown.join(', ')} and ${links.length - shown.length} more` : shown.join(', ');
}

function noRule(): Problem {
  return {
    reason: 'NoParentRule',
    message: 'No entry of spec.parents has a nodeSelector that matches the labels of this node.',
    remedy: "Add an entry that matches this node, or leave the node out with the attachment's nodeSelector.",
  };
}

/** Nothing fits. When a link would, were it suitable, the user meant that one: say what is wrong with it. */
function missing(match: ParentMatch, network: Network): Problem {
  const meant = network.links.find((link) => holds(match, link, network));
  const unfit = meant === undefined ? undefined : unfitness(meant, network);
  if (meant !== undefined && unfit !== undefined) {
    return { reason: 'ParentUnsuitable', message: `${meant.name} ${unfit.because}.`, remedy: unfit.remedy };
  }
  return {
    reason: 'ParentMissing',
    message: `No NIC has ${describe(match)}. Seen: ${listNics(candidatesOf(network))}.`,
    remedy: 'Correct the entry of spec.parents, or connect the NIC: it is taken into use as soon as it appears.',
  };
}

function ambiguous(match: ParentMatch, found: readonly Link[]): Problem {
  return {
    reason: 'ParentAmbiguous',
    message: `${found.length} NICs have ${describe(match)}: ${listNics(found)}.`,
    remedy: 'Add a fact to the entry of spec.parents, such as the name, so that only one NIC is left.',
  };
}
