// What can be wrong with an attachment on its own, beyond what the schema refuses. The list is the documentation.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { HostLocalRange, Route } from '../../api/v1alpha1/ipam.ts';
import type { Problem } from '../problem.ts';
import { type AddressRange, holds, overlap, parseAddress, parseSubnet } from './address-range.ts';

/** States one fact about an attachment: nothing when it holds, else what is wrong. */
export type Check = (attachment: MacvlanAttachment) => Problem | undefined;

/** A problem of these means: no NAD is rendered, and what is there stays as it is until the spec is put right. */
export const checks: readonly Check[] = [
  nameIsOneThatPodsCanRefer, // Multus refuses a dot in the comma form of the annotation
  rangesAreSound, // host-local would refuse the pod, on the node, much later
  rangesDoNotOverlap, // one address would go to two pods
  routesAgreeWithRanges, // a route through a router of the wrong family, or through a made-up router
];

/** All that is wrong, in the order of the list. */
export function validateAttachment(attachment: MacvlanAttachment): readonly Problem[] {
  return checks.map((check) => check(attachment)).filter((problem) => problem !== undefined);
}

/** A wish that cannot come true but does not stop pods from being attached. */
export function hostAccessProblem(attachment: MacvlanAttachment): Problem | undefined {
  const { hostAccess, mode = 'bridge' } = attachment.spec;
  if ((hostAccess?.type ?? 'None') === 'None' || mode === 'bridge') return undefined;
  return {
    reason: 'HostAccessModeUnsupported',
    message: `hostAccess ${hostAccess?.type} does not work with mode ${mode}.`,
    remedy: 'Set mode: bridge, or hostAccess.type: None.',
  };
}

function nameIsOneThatPodsCanRefer({ metadata: { name } }: MacvlanAttachment): Problem | undefined {
  if (name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) return undefined;
  return {
    reason: 'NameInvalid',
    message: `Pods cannot refer to a network named "${name}".`,
    remedy: 'Make it again with a name of at most 63 lower-case letters, digits and dashes, without dots.',
  };
}

function rangesAreSound(attachment: MacvlanAttachment): Problem | undefined {
  const message = rangesOf(attachment)
    .map(whatIsWrongWith)
    .find((text) => text !== undefined);
  if (message === undefined) return undefined;
  return { reason: 'RangeInvalid', message, remedy: 'Correct the range in spec.ipam.hostLocal.ranges.' };
}

function whatIsWrongWith(range: HostLocalRange): string | undefined {
  const subnet = parseSubnet(range.subnet);
  if (subnet === undefined) return `${range.subnet} is not a subnet written with its first address.`;
  for (const field of ['start', 'end', 'gateway'] as const) {
    const text = range[field];
    const address = text === undefined ? undefined : parseAddress(text);
    if (text !== undefined && (address === undefined || !holds(subnet, address))) {
      return `${field} ${text} does not lie in ${range.subnet}.`;
    }
  }
  const given = givenRange(range);
  if (given !== undefined && given.first > given.last) return `start ${range.start} comes after end ${range.end}.`;
  return undefined;
}

function rangesDoNotOverlap(attachment: MacvlanAttachment): Problem | undefined {
  const ranges = rangesOf(attachment);
  for (const [index, one] of ranges.entries()) {
    const other = ranges.slice(index + 1).find((candidate) => doOverlap(one, candidate));
    if (other !== undefined) {
      return {
        reason: 'RangesOverlap',
        message: `${describeRange(one)} and ${describeRange(other)} hold the same addresses.`,
        remedy: 'Change start and end in spec.ipam.hostLocal.ranges so that no address is in two ranges.',
      };
    }
  }
  return undefined;
}

function doOverlap(a: HostLocalRange, b: HostLocalRange): boolean {
  const [one, other] = [givenRange(a), givenRange(b)];
  return one !== undefined && other !== undefined && overlap(one, other);
}

function routesAgreeWithRanges(attachment: MacvlanAttachment): Problem | undefined {
  const message = routesOf(attachment)
    .map((route) => whatIsWrongWithRoute(route, attachment))
    .find((text) => text !== undefined);
  if (message === undefined) return undefined;
  return { reason: 'RouteInvalid', message, remedy: 'Give the route a `via` on this LAN, of the family of its `to`.' };
}

function whatIsWrongWithRoute(route: Route, attachment: MacvlanAttachment): string | undefined {
  const to = parseSubnet(route.to);
  if (to === undefined) return `${route.to} is not a subnet written with its first address.`;
  if (route.via !== undefined) {
    const via = parseAddress(route.via);
    return via?.family === to.family ? undefined : `The route to ${route.to} cannot go via ${route.via}.`;
  }
  if (attachment.spec.ipam.type !== 'HostLocal') return undefined;
  // host-local makes up a router (the subnet's first address) for a range without one: better said than silently wrong.
  const hasRouter = rangesOf(attachment).some(
    (range) => range.gateway !== undefined && parseSubnet(range.subnet)?.family === to.family,
  );
  return hasRouter ? undefined : `The route to ${route.to} has no \`via\`, and no range of its family has a gateway.`;
}

function rangesOf(attachment: MacvlanAttachment): readonly HostLocalRange[] {
  return attachment.spec.ipam.hostLocal?.ranges ?? [];
}

function routesOf({ spec: { ipam } }: MacvlanAttachment): readonly Route[] {
  return [...(ipam.static?.routes ?? []), ...(ipam.hostLocal?.routes ?? [])];
}

/** What the range hands out: from start to end, the subnet's limits by default. */
function givenRange(range: HostLocalRange): AddressRange | undefined {
  const subnet = parseSubnet(range.subnet);
  if (subnet === undefined) return undefined;
  const first = range.start === undefined ? undefined : parseAddress(range.start)?.value;
  const last = range.end === undefined ? undefined : parseAddress(range.end)?.value;
  return { family: subnet.family, first: first ?? subnet.first, last: last ?? subnet.last };
}

function describeRange({ subnet, start, end }: HostLocalRange): string {
  return start === undefined && end === undefined ? subnet : `${subnet} (${start ?? 'first'} to ${end ?? 'last'})`;
}
