// What the kernel tells unasked: hints that something changed. They carry no facts: whoever gets one looks for himself.
import type { Hint } from '../ports.ts';
import type { Addon, NativeSocket } from './addon.ts';
import * as k from './constants.ts';
import { decodeIfindex, decodeLink, decodeRoute } from './decode.ts';
import { type Message, readMessages } from './message.ts';

/** Large enough for hundreds of pods that come and go at once, in bytes. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

const GROUPS =
  k.GROUP_LINK |
  k.GROUP_NEIGHBOUR |
  k.GROUP_IPV4_ADDRESS |
  k.GROUP_IPV4_ROUTE |
  k.GROUP_IPV6_ADDRESS |
  k.GROUP_IPV6_ROUTE;

/**
 * Listens until the returned function is called. Hints that were lost (the kernel's buffer ran over) come as one hint
 * `Lost`. Throws when the kernel refuses a socket.
 */
export function listen(addon: Addon, onHint: (hint: Hint) => void): () => void {
  const socket: NativeSocket = addon.open(GROUPS, RECEIVE_BUFFER, (_errno, datagram) => {
    if (datagram === undefined) {
      onHint({ type: 'Lost' });
      return;
    }
    for (const message of readMessages(datagram)) {
      const hint = decodeHint(message);
      if (hint !== undefined) onHint(hint);
    }
  });
  return () => addon.close(socket);
}

/** What an event hints at; nothing when no decision depends on it. */
export function decodeHint({ type, body, port = 0 }: Message): Hint | undefined {
  const hint = decodeKind(type, body);
  return hint === undefined || port === 0 ? hint : { ...hint, by: port };
}

function decodeKind(type: number, body: Buffer): Exclude<Hint, { type: 'Lost' }> | undefined {
  switch (type) {
    case k.RTM_NEWLINK:
    case k.RTM_DELLINK:
      return decodeLinkHint(type, body);
    case k.RTM_NEWADDR:
    case k.RTM_DELADDR:
      return { type: 'Address', ifindex: decodeIfindex(body) };
    case k.RTM_NEWNEIGH:
    case k.RTM_DELNEIGH:
      return { type: 'Neighbour', ifindex: decodeIfindex(body) };
    case k.RTM_NEWROUTE:
    case k.RTM_DELROUTE:
      return decodeRouteHint(body);
    default:
      return undefined;
  }
}

function decodeLinkHint(type: number, body: Buffer): Extract<Hint, { type: 'Link' }> | undefined {
  // Bridges announce their ports under a family of their own; the device itself is announced with family 0.
  if (body[0] !== 0) return undefined;
  const link = decodeLink(body);
  if (link === undefined) return undefined;
  const isPodLink = link.kind === 'veth' && link.isLowerElsewhere && link.master !== undefined;
  return { type: 'Link', ifindex: link.ifindex, name: link.name, isGone: type === k.RTM_DELLINK, isPodLink };
}

function decodeRouteHint(body: Buffer): Extract<Hint, { type: 'Route' }> | undefined {
  const prefixLength = body[1];
  if (prefixLength !== 0 && prefixLength !== 32 && prefixLength !== 128) return undefined;
  const route = decodeRoute(body);
  return route === undefined ? undefined : { type: 'Route', links: route.links, isDefault: prefixLength === 0 };
}
