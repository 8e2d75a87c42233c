// What is known of the leases of one node, kept from the daemon's own words. Times are milliseconds since 1970.
//
//   Asking ──▶ Bound ⇄ Renewing ──▶ Expired (the daemon has switched the pod's link off)
//                └──────┴─────────▶ LinkGone (the daemon has noticed, and does nothing any more)
import type { LeaseEvent } from './daemon-log.ts';

export interface Lease {
  /** The pod's sandbox, its network (which is the attachment) and the link's name: the daemon's name for a client. */
  readonly container: string;
  readonly network: string;
  readonly interface: string;
  readonly phase: 'Asking' | 'Bound' | 'Renewing' | 'Expired' | 'LinkGone';
  /** Since when it is in this phase. */
  readonly since: number;
  /** Until when the address is the pod's; nothing before there was any. */
  readonly expires?: number;
  /** What the daemon said of its last failure. */
  readonly failure?: string;
}

/** By client. */
export type LeaseBook = ReadonlyMap<string, Lease>;

/** Nobody answers when a question is this old; in milliseconds. */
export const SILENCE_MS = 10_000;
/** An entry that CNI's cache does not know (yet) may be one of an ADD that is under way; in milliseconds. */
export const UNKNOWN_MS = 60_000;

/** So many clients that CNI's cache does not know (yet) are believed in at a time: about as many as a node starts pods. */
export const UNKNOWN_MAX = 128;

/**
 * Whether the event fits what is known: each client begins with a question, and all but those that are just being added are in CNI's
 * cache. A bound, should others than the daemon ever get a word in: clients must not be invented without end.
 */
export function isCredible(book: LeaseBook, { type, client }: LeaseEvent, known: ReadonlySet<string>): boolean {
  if (known.has(client) || book.has(client)) return true;
  return type === 'Asking' && [...book.keys()].filter((key) => !known.has(key)).length < UNKNOWN_MAX;
}

/** The daemon's name for a client. */
export function clientOf(link: Pick<Lease, 'container' | 'network' | 'interface'>): string {
  return `${link.container}/${link.network}/${link.interface}`;
}

export function entered(book: LeaseBook, event: LeaseEvent, now: number): LeaseBook {
  const next = new Map(book);
  const lease = changed(book.get(event.client), event, now);
  if (lease === undefined) next.delete(event.client);
  else next.set(event.client, lease);
  return next;
}

function changed(before: Lease | undefined, event: LeaseEvent, now: number): Lease | undefined {
  const { expires, failure } = before ?? {};
  const [container = '', network = '', link = ''] = event.client.split('/');
  const base = { container, network, interface: link };
  const known = expires === undefined ? {} : { expires };
  switch (event.type) {
    case 'Released':
      return undefined;
    case 'Asking':
      // Whoever asks again has had no answer: it counts from the first time.
      return { ...base, phase: 'Asking', since: before?.phase === 'Asking' ? before.since : now };
    case 'Bound':
      return { ...base, phase: 'Bound', since: now, expires: event.expires };
    case 'Renewing':
      return { ...base, phase: 'Renewing', since: now, ...known };
    case 'Failed':
    case 'Rebinding': {
      const because = event.type === 'Failed' ? event.because : failure;
      const since = before?.phase === 'Renewing' ? before.since : now;
      const said = because === undefined ? {} : { failure: because };
      return { ...base, phase: 'Renewing', since, ...known, ...said };
    }
    default:
      return { ...base, phase: event.type, since: now, ...known };
  }
}

/** The book without those that have long been nobody's. `known`: clients that CNI's cache knows. */
export function pruned(book: LeaseBook, known: ReadonlySet<string>, now: number): LeaseBook {
  const stays = ([client, lease]: readonly [string, Lease]) =>
    known.has(client) || now - lease.since < UNKNOWN_MS + SILENCE_MS;
  return new Map([...book].filter(stays));
}

/** Whether the daemon has been asking this long without an answer. */
export function isSilent(lease: Lease, now: number): boolean {
  return (lease.phase === 'Asking' || lease.phase === 'Renewing') && now - lease.since >= SILENCE_MS;
}
