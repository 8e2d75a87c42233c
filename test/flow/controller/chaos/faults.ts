// What goes wrong between the controller and the API server: at random, often, and of every kind there is.
import { type Fault, type FaultProxy, lists, type SeenRequest, watches } from '../../../support/fault-proxy.ts';
import type { Random } from '../../../support/random.ts';

interface Risk {
  readonly name: string;
  readonly matches: (request: SeenRequest) => boolean;
  readonly probability: number;
  readonly fault: Fault;
}

const writes = ({ method }: SeenRequest) => method !== 'GET';
const any = () => true;
/** A page after the first: its token may have been compacted away. */
const laterPages = (request: SeenRequest) => lists(request) && request.query.has('continue');

const RISKS: readonly Risk[] = [
  { name: 'watch: 410 in band', matches: watches, probability: 0.1, fault: { type: 'in-band', code: 410 } },
  { name: 'watch: 500 in band', matches: watches, probability: 0.05, fault: { type: 'in-band', code: 500 } },
  {
    name: 'watch: reset after some lines',
    matches: watches,
    probability: 0.2,
    fault: { type: 'reset', afterLines: 5 },
  },
  { name: 'watch: half a line', matches: watches, probability: 0.1, fault: { type: 'half-line', afterLines: 8 } },
  { name: 'watch: silence', matches: watches, probability: 0.05, fault: { type: 'silence' } },
  { name: 'watch: closed at once', matches: watches, probability: 0.05, fault: { type: 'close' } },
  { name: 'page: 410', matches: laterPages, probability: 0.3, fault: { type: 'status', code: 410, reason: 'Expired' } },
  {
    name: 'write: conflict',
    matches: writes,
    probability: 0.05,
    fault: { type: 'status', code: 409, reason: 'Conflict' },
  },
  { name: 'write: answer lost', matches: writes, probability: 0.05, fault: { type: 'lost-answer' } },
  { name: 'reset', matches: any, probability: 0.03, fault: { type: 'reset', afterLines: 0 } },
  { name: 'stall', matches: any, probability: 0.05, fault: { type: 'delay', ms: 300 } },
  { name: 'no answer', matches: any, probability: 0.01, fault: { type: 'no-answer' } },
  { name: '429', matches: any, probability: 0.03, fault: { type: 'status', code: 429, retryAfter: 1 } },
  { name: '500', matches: any, probability: 0.04, fault: { type: 'status', code: 500 } },
];

/** Spoils requests from now on, until the proxy is cleared. Gives how often each fault was met so far. */
export function spoil(proxy: FaultProxy, random: Random): ReadonlyMap<string, number> {
  const met = new Map<string, number>();
  for (const { name, matches, probability, fault } of RISKS) {
    const hits = (request: SeenRequest) => {
      if (!matches(request) || !random.chance(probability)) return false;
      met.set(name, (met.get(name) ?? 0) + 1);
      return true;
    };
    proxy.inject(hits, fault, Number.POSITIVE_INFINITY);
  }
  return met;
}
