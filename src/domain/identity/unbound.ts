// Pods that should have been bound and were not: they are on a node already, so that nothing can be done for them but to say it.
import type { Pod } from '../../api/kube.ts';
import { ANNOTATION_IDENTITY, ANNOTATION_IP, ANNOTATION_MAC } from '../../api/names.ts';
import { askOf } from './key.ts';
import type { LinkRequest } from './links.ts';
import type { Refusal } from './reason.ts';

/** What a person who made the pod should know; nothing where all is in order. */
export function whyUnbound(pod: Pod, links: readonly LinkRequest[]): Refusal | undefined {
  const link = links.find((candidate) => isWithoutAddress(candidate));
  if (links.length > 0 && doesAsk(pod)) return neverGated();
  return link === undefined ? undefined : identityMissing(link.attachment.metadata.name);
}

function doesAsk(pod: Pod): boolean {
  const ask = askOf(pod);
  if (ask.type !== 'Implied') return ask.type !== 'None';
  return [ANNOTATION_MAC, ANNOTATION_IP].some((key) => (pod.metadata.annotations?.[key] ?? '') !== '');
}

/** Only an identity has an address from a pool. */
function isWithoutAddress({ attachment, ips = [] }: LinkRequest): boolean {
  return attachment.spec.ipam.type === 'Pool' && ips.length === 0;
}

function neverGated(): Refusal {
  return {
    reason: 'NeverGated',
    message: 'The pod asks for an identity, and was sent to a node without one: nothing held it.',
    remedy:
      'Write the annotation into the template of the pod, let the scheduler choose the node, and before Kubernetes 1.36 add the ' +
      'label macvlan.dev/gated: "true" and the scheduling gate macvlan.dev/identity; then make the pod again.',
  };
}

function identityMissing(attachment: string): Refusal {
  return {
    reason: 'IdentityMissing',
    message: `Addresses of attachment ${attachment} come from a pool, and only pods with an identity get one; this pod is not attached.`,
    remedy: `Annotate the template of the pod with ${ANNOTATION_IDENTITY}: auto, and make the pod again.`,
  };
}
