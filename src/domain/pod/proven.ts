// Which links of pods a node may send its own traffic to: those that its plugins made and its kernel shows. What is written on
// a pod proves nothing, since whoever may write to the pod may write anything there.
import type { Pod } from '../../api/kube.ts';
import { aliasFor } from '../attachment/alias.ts';
import type { Problem } from '../problem.ts';
import type { AttachedPod } from './attached.ts';
import { type CachedLink, keyOfLink } from './cached-link.ts';
import type { LinkSight, LinkSights, LiveLink } from './link-state.ts';
import { addressesOf } from './live-addresses.ts';

/** A link that was seen in the pod's namespace, with what the plugins gave it. */
export interface ProvenLink extends AttachedPod {
  /** Index of the NIC below, in the node's namespace. */
  readonly lower?: number;
  /** Addresses that the link has come to by itself; `ips` are those that the plugins gave. */
  readonly learnt?: readonly string[];
}

export interface ProvenLinks {
  readonly links: readonly ProvenLink[];
  /** Links that cannot be confirmed, by attachment. */
  readonly problems: ReadonlyMap<string, Problem>;
}

export interface LinkEvidence {
  readonly pods: readonly Pod[];
  /** Links by what Multus wrote on the pods. */
  readonly attached: readonly AttachedPod[];
  readonly sights: LinkSights;
  /** Keys of links that are written on pods and that CNI's result cache does not know. */
  readonly unknown: ReadonlySet<string>;
}

/** The links of pods that run, as they are proven; sorted. */
export function provenLinks({ pods, attached, sights, unknown }: LinkEvidence): ProvenLinks {
  const running = new Map(pods.filter(isRunning).map((pod) => [pod.metadata.uid, pod]));
  const links: ProvenLink[] = [];
  const doubts: Doubt[] = attached
    .filter((link) => running.has(link.uid) && unknown.has(keyOfLink(link)))
    .map((link) => ({ link, because: "CNI's result cache of the node does not know it" }));
  for (const { cached, live } of sights.values()) {
    if (!running.has(cached.uid) || live === 'Missing') continue;
    const because = doubtAbout({ cached, live });
    if (because !== undefined) doubts.push({ link: cached, because });
    else if (live !== 'Unseen') links.push(provenLink(cached, live));
  }
  return { links: links.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1)), problems: problemsOf(doubts) };
}

interface Doubt {
  readonly link: { readonly namespace: string; readonly name: string; readonly attachment: string };
  readonly because: string;
}

/** A pod that is being deleted keeps its links to the end, but they may vanish at any time. */
function isRunning({ metadata, status }: Pod): boolean {
  return metadata.uid !== undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

function doubtAbout({ cached, live }: LinkSight): string | undefined {
  // A NAD of the same name that somebody else made puts pods wherever its author likes.
  if (cached.settings.master !== aliasFor(cached.attachment)) return 'its master was not the alias of the attachment';
  return live === 'Unseen' ? 'its network namespace cannot be looked into' : undefined;
}

function provenLink(cached: CachedLink, live: LiveLink): ProvenLink {
  const { namespace, name, uid, attachment, mac } = cached;
  const { granted, learnt } = addressesOf(cached, live.addresses);
  return {
    ...{ namespace, name, uid, attachment, interface: cached.interface, mac, ips: granted },
    ...(learnt.length === 0 ? {} : { learnt }),
    ...(live.lower === undefined ? {} : { lower: live.lower }),
  };
}

/** One for each attachment: the first few pods, each with what is in doubt about it. */
function problemsOf(doubts: readonly Doubt[]): ReadonlyMap<string, Problem> {
  const texts = new Map<string, string[]>();
  for (const { link, because } of doubts) {
    const text = `${link.namespace}/${link.name} (${because})`;
    texts.set(link.attachment, [...(texts.get(link.attachment) ?? []), text]);
  }
  return new Map([...texts].map(([attachment, all]) => [attachment, unproven(all.sort())]));
}

function unproven(texts: readonly string[]): Problem {
  const more = texts.length > 3 ? ` and ${texts.length - 3} more` : '';
  return {
    reason: 'PodLinkUnproven',
    message: `The node does not route to links that it cannot confirm: ${texts.slice(0, 3).join(', ')}${more}.`,
    remedy:
      'See whether CNI keeps its results in /var/lib/cni/multus/results on the node, and what wrote the network-status of the pod.',
  };
}

function sortKey(link: AttachedPod): string {
  return `${link.namespace}/${link.name}/${link.attachment}/${link.interface}`;
}
