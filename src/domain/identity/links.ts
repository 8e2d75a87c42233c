// The links that a pod is to have on our attachments, and the addresses that somebody chose for them.
import type { Pod } from '../../api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../api/multus.ts';
import { ANNOTATION_IP, ANNOTATION_MAC } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { choosesAddress, isUnreadable, type NetworkElement, parseNetworks } from '../pod/networks.ts';
import type { Refusal } from './reason.ts';

/**
 * What a name in the networks annotation stands for. `Pending`: an attachment whose NAD is not there yet. `Absent`: there is no
 * NAD, and nobody knows whose it will be.
 */
export type NetworkView = (namespace: string, name: string) => MacvlanAttachment | 'Foreign' | 'Pending' | 'Absent';

/** One link on an attachment, with what the pod chose for it. */
export interface LinkRequest {
  /** Index of the element in the annotation. */
  readonly element: number;
  readonly attachment: MacvlanAttachment;
  /** Which of the pod's links on this attachment. */
  readonly index: number;
  readonly mac: string | undefined;
  readonly ips: readonly string[] | undefined;
}

/** All links of the pod on our attachments; none where all its networks are somebody else's. */
export function linksOf(pod: Pod, view: NetworkView): readonly LinkRequest[] | Refusal {
  const parsed = parseNetworks(pod.metadata.annotations?.[ANNOTATION_NETWORKS] ?? '');
  if (isUnreadable(parsed)) {
    return {
      reason: 'NetworksInvalid',
      message: `The annotation ${ANNOTATION_NETWORKS} ${parsed.wrong}.`,
      remedy: 'Correct it in the template of the pod: a list of names, or a JSON list of objects.',
    };
  }
  const seen = parsed.map((element) => ({
    element,
    found: view(element.namespace ?? pod.metadata.namespace ?? '', element.name),
  }));
  const hidden = seen.find(({ element, found }) => typeof found !== 'string' && hasHiddenAddress(element));
  if (hidden !== undefined) return addressInArgs(hidden.element);
  // Once a pod is let go, nobody looks at the addresses that it chooses on a network that is made later.
  const pending = seen.find(
    ({ element, found }) => found === 'Pending' || (found === 'Absent' && choosesAddress(element)),
  );
  if (pending !== undefined) return notYet(pending.element);
  const counts = new Map<string, number>();
  const links = seen.flatMap(({ element, found }, position) => {
    if (typeof found === 'string') return [];
    const index = counts.get(element.name) ?? 0;
    counts.set(element.name, index + 1);
    return [{ element: position, attachment: found, index, mac: element.mac, ips: element.ips }];
  });
  if (links.length > LINKS_MAX) return tooMany(links.length);
  return withPins(links, pod.metadata.annotations ?? {});
}

/**
 * Why a pod cannot be let go: it is not known yet whose one of its networks is, since its attachment or NAD was made, or seen by our
 * watches, a moment later than the pod, or is gone. Multus would try until it is there, and then give the pod a link on an attachment
 * without anything of its identity. Nothing when all of its networks are there.
 */
export function notYetKnown(pod: Pod, view: NetworkView): Refusal | undefined {
  const parsed = parseNetworks(pod.metadata.annotations?.[ANNOTATION_NETWORKS] ?? '');
  if (isUnreadable(parsed)) return undefined;
  const absent = parsed.find(
    ({ name, namespace }) => view(namespace ?? pod.metadata.namespace ?? '', name) === 'Absent',
  );
  return absent === undefined ? undefined : notYet(absent);
}

/** As many links as an identity has room for. */
const LINKS_MAX = 32;

function tooMany(count: number): Refusal {
  return {
    reason: 'NetworksInvalid',
    message: `The annotation ${ANNOTATION_NETWORKS} asks for ${count} links, and an identity has at most ${LINKS_MAX}.`,
    remedy: 'Name fewer of them in the template of the pod.',
  };
}

/** Plugins look for addresses there as well, and some prefer them to what the element says. */
function hasHiddenAddress({ args = [] }: NetworkElement): boolean {
  return args.some((key) => ['mac', 'ip', 'ips'].includes(key));
}

function addressInArgs({ name }: NetworkElement): Refusal {
  return {
    reason: 'PinInvalid',
    message: `The annotation ${ANNOTATION_NETWORKS} chooses an address for attachment ${name} in cni-args.`,
    remedy: 'Choose it as mac or ips of that network, or in the annotations macvlan.dev/mac and macvlan.dev/ip.',
  };
}

function notYet({ name, namespace }: NetworkElement): Refusal {
  return {
    reason: 'NetworkMissing',
    message: `The NetworkAttachmentDefinition ${name}${namespace === undefined ? '' : ` in ${namespace}`} is not there yet.`,
    remedy: `If it is that of an attachment, look at the condition Rendered of MacvlanAttachment ${name}; else make it, or leave it out in the template of the pod.`,
  };
}

type Pins = ReadonlyMap<LinkRequest, readonly string[]>;

/** Annotations of the pod come before what stands in the networks annotation. */
function withPins(
  links: readonly LinkRequest[],
  annotations: Readonly<Record<string, string>>,
): readonly LinkRequest[] | Refusal {
  const macs = pinsIn(ANNOTATION_MAC, annotations, links);
  if ('reason' in macs) return macs;
  const ips = pinsIn(ANNOTATION_IP, annotations, links);
  if ('reason' in ips) return ips;
  return links.map((link) => ({ ...link, mac: macs.get(link)?.at(-1) ?? link.mac, ips: ips.get(link) ?? link.ips }));
}

/** `VALUE`, or `ATTACHMENT=VALUE`, or `ATTACHMENT#INDEX=VALUE`, several with commas. */
function pinsIn(
  key: string,
  annotations: Readonly<Record<string, string>>,
  links: readonly LinkRequest[],
): Pins | Refusal {
  const pins = new Map<LinkRequest, string[]>();
  const items = (annotations[key] ?? '').split(',').map((item) => item.trim());
  for (const item of items.filter((text) => text !== '')) {
    const [, name, index = '0', value = ''] = /^(?:([-a-z0-9]+)(?:#(\d+))?=)?(\S+)$/.exec(item) ?? [];
    const fitting = links.filter(
      (link) => name === undefined || (link.attachment.metadata.name === name && link.index === Number(index)),
    );
    const [link] = fitting;
    if (link === undefined || fitting.length > 1) return badPin(key, item);
    pins.set(link, [...(pins.get(link) ?? []), value]);
  }
  return pins;
}

function badPin(key: string, item: string): Refusal {
  return {
    reason: 'PinInvalid',
    message: `"${item}" in the annotation ${key} does not say for which link of the pod it is.`,
    remedy: 'Write ATTACHMENT=ADDRESS, or ATTACHMENT#1=ADDRESS for the second link on it.',
  };
}
