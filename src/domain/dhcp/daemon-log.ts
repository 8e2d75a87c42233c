// What the DHCP daemon writes down, line by line: the only word that it gives about its leases. The lines are those of the CNI
// plugins 1.9.1, which the image carries; whatever else is written is no news.

/** One thing that happened to one client, which the daemon names `container/network/interface`. */
export type LeaseEvent =
  | {
      readonly type: 'Asking' | 'Renewing' | 'Rebinding' | 'Released' | 'Expired' | 'LinkGone';
      readonly client: string;
    }
  /** `expires`: milliseconds since 1970. `isRebound`: any server was asked, which may have given any address. */
  | { readonly type: 'Bound'; readonly client: string; readonly expires: number; readonly isRebound?: true }
  /** Renewing has failed for the whole time that the daemon takes for it; it goes on trying. */
  | { readonly type: 'Failed'; readonly client: string; readonly because: string };

// What a server says is written down as it is, line breaks included: only how something begins is the daemon's own.
const ABOUT = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d ([^/\s]+\/[^/\s]+\/[^/\s]+): (.*)$/;
const BOUND = /^lease (acquired|renewed|rebound), expiration is (.*)$/;
/** `2026-11-24 15:39:29.123456789 +0000 UTC m=+12.345`: how Go prints a time. */
const GO_TIME = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,3})?)\d* ([+-]\d\d)(\d\d) /;

const WORDS: readonly (readonly [RegExp, Exclude<LeaseEvent['type'], 'Bound' | 'Failed'>])[] = [
  [/^acquiring lease$/, 'Asking'],
  [/^renewing lease$/, 'Renewing'],
  [/^renewal time expired, rebinding$/, 'Rebinding'],
  [/^releasing lease$/, 'Released'],
  [/^lease expired, bringing interface DOWN$/, 'Expired'],
  [/^interface \S+ no longer exists or link check failed/, 'LinkGone'],
];
/** Said about a client, and no news of its lease. */
const NO_NEWS = /^(Checking lease$|failed to release DHCP lease|failed to bring )/;

/** What the daemon wrote in one go, as the one line that it is meant to be. */
export function lineOf(written: string): string {
  return written.trimEnd().replaceAll(/\s*[\r\n\u2028\u2029]\s*/g, ' ');
}

/** The event that a line tells of, or nothing. */
export function parseDaemonLine(line: string): LeaseEvent | undefined {
  const [, client, words] = ABOUT.exec(line) ?? [];
  if (client === undefined || words === undefined || NO_NEWS.test(words)) return undefined;
  const [, how, until] = BOUND.exec(words) ?? [];
  if (until !== undefined) {
    const expires = parseGoTime(until);
    if (expires === undefined) return undefined;
    return { type: 'Bound', client, expires, ...(how === 'rebound' ? { isRebound: true } : {}) };
  }
  const type = WORDS.find(([pattern]) => pattern.test(words))?.[1];
  return type === undefined ? { type: 'Failed', client, because: words } : { type, client };
}

function parseGoTime(text: string): number | undefined {
  const [, date, time, hours, minutes] = GO_TIME.exec(`${text} `) ?? [];
  const at = Date.parse(`${date}T${time}${hours}:${minutes}`);
  return Number.isNaN(at) ? undefined : at;
}

/** Whether a call of the plugin failed because no server answered, and not for a reason of its own. */
export function isSilence(words: string): boolean {
  return /no more tries|deadline exceeded|no matching response/.test(words);
}
