// Default routes that the kernel learnt from router advertisements: it throws all of them away when any link starts to forward IPv6.
// Until the router speaks again, which may take ten minutes, a substitute of our own bridges the gap.
import * as k from './constants.ts';
import { MessageWriter, readAttributes, readU32 } from './message.ts';

/** Such a route, as far as a substitute needs it. */
export interface RouterRoute {
  readonly ifindex: number;
  readonly gateway: Buffer;
  readonly metric: number;
  /** Seconds left. */
  readonly expires: number;
}

const ROUTE_HEADER = 12;
/** rta_expires of struct rta_cacheinfo, in hundredths of a second. */
const EXPIRES_AT = 8;

/** The route, from the body of RTM_NEWROUTE; nothing when it is another one, or ends anyway. */
export function decodeRouterRoute(body: Buffer): RouterRoute | undefined {
  if (body.length < ROUTE_HEADER || body[1] !== 0 || body[5] !== k.RTPROT_RA) return undefined;
  const attributes = readAttributes(body, ROUTE_HEADER);
  const ifindex = readU32(attributes.get(k.RTA_OIF));
  const gateway = attributes.get(k.RTA_GATEWAY);
  const lifetime = attributes.get(k.RTA_CACHEINFO);
  const expires = lifetime !== undefined && lifetime.length >= 12 ? lifetime.readInt32LE(EXPIRES_AT) / 100 : 0;
  if (ifindex === undefined || gateway === undefined || expires < 1) return undefined;
  const metric = readU32(attributes.get(k.RTA_PRIORITY)) ?? 0;
  // What is read from a datagram is valid only until the next one.
  return { ifindex, gateway: Buffer.from(gateway), metric, expires: Math.floor(expires) };
}

/**
 * The request for the substitute: it ends when the lost route would have ended. Its metric is one higher, since the kernel
 * could not put the router's next advertisement beside a route that is the same but not its own.
 */
export function encodeSubstitute({ ifindex, gateway, metric, expires }: RouterRoute): Buffer {
  const header = Buffer.alloc(ROUTE_HEADER);
  header.writeUInt8(k.AF_INET6, 0);
  header.writeUInt8(k.RT_TABLE_MAIN, 4);
  header.writeUInt8(k.ROUTE_PROTOCOL, 5);
  header.writeUInt8(k.RT_SCOPE_UNIVERSE, 6);
  header.writeUInt8(k.RTN_UNICAST, 7);
  return new MessageWriter(k.RTM_NEWROUTE, k.NLM_F_REQUEST | k.NLM_F_ACK | k.NLM_F_CREATE | k.NLM_F_REPLACE)
    .bytes(header)
    .attribute(k.RTA_GATEWAY, gateway)
    .u32(k.RTA_OIF, ifindex)
    .u32(k.RTA_PRIORITY, metric + 1)
    .u32(k.RTA_EXPIRES, expires)
    .finish();
}

/** The request that takes the substitute away, where the route was not lost after all. */
export function encodeSubstituteRemoval({ ifindex, gateway, metric }: RouterRoute): Buffer {
  const header = Buffer.alloc(ROUTE_HEADER);
  header.writeUInt8(k.AF_INET6, 0);
  header.writeUInt8(k.RT_TABLE_MAIN, 4);
  header.writeUInt8(k.ROUTE_PROTOCOL, 5);
  return new MessageWriter(k.RTM_DELROUTE, k.NLM_F_REQUEST | k.NLM_F_ACK)
    .bytes(header)
    .attribute(k.RTA_GATEWAY, gateway)
    .u32(k.RTA_OIF, ifindex)
    .u32(k.RTA_PRIORITY, metric + 1)
    .finish();
}

/** The routes that are there no more. */
export function lostRoutes(before: readonly RouterRoute[], after: readonly RouterRoute[]): readonly RouterRoute[] {
  return before.filter(
    (route) => !after.some((other) => other.ifindex === route.ifindex && other.gateway.equals(route.gateway)),
  );
}
