// What has to be true of a chosen NIC and its node before pods may attach through it; each check states one fact. The list is
// the documentation, and docs/reference/preflight.md the longer one.
import type { Problem } from '../../problem.ts';
import { aliasIsFree, mtuFits, parentIsConnected } from './device.ts';
import type { Check, PreflightFacts } from './facts.ts';
import { driverLetsMacsThrough, probeIsAnswered } from './filtering.ts';
import { hostLeavesNetworkAlone, nobodyAnswersOnShim } from './host.ts';
import { bondKeepsMacs, parentIsWired } from './medium.ts';
import { pluginsAreThere } from './plugins.ts';

/** In the order in which they are told: first what nobody can mend on this NIC. Some hold pods back, and some only warn. */
export const PREFLIGHT_CHECKS: readonly Check[] = [
  parentIsWired, // an access point knows one MAC address
  bondKeepsMacs, // answers would go to the wrong MAC address
  parentIsConnected, // a pod would attach to silence, and its DHCP would time out
  mtuFits, // the macvlan plugin refuses the pod
  pluginsAreThere, // the runtime cannot start the pod
  aliasIsFree, // the kernel refuses the alias
  driverLetsMacsThrough, // warns: a virtual switch that may know one MAC address
  probeIsAnswered, // warns: one that seems to
  hostLeavesNetworkAlone, // warns: an appliance that takes links off
  nobodyAnswersOnShim, // warns: the LAN would learn the shim's MAC address
];

export interface Preflight {
  /** What stands in the way. */
  readonly problems: readonly Problem[];
  /** What may get in the way, and holds nothing back. */
  readonly warnings: readonly Problem[];
}

/** Everything that the checks have to say, in their order. */
export function preflight(facts: PreflightFacts): Preflight {
  const found = PREFLIGHT_CHECKS.flatMap((check) => check(facts) ?? []);
  return {
    problems: found.filter(({ severity }) => severity === undefined),
    warnings: found.filter(({ severity }) => severity === 'Warning'),
  };
}
