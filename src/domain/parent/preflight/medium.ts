// Whether frames with a pod's MAC address can leave by the chosen NIC as they are: not over Wi-Fi, not by every bond.
import type { Problem } from '../../problem.ts';
import { carriersOf, type PreflightFacts, standsOn } from './facts.ts';

/**
 * A station has one MAC address at its access point, which drops frames of any other. A wireless port of a bridge is another
 * matter: the kernel takes only those into a bridge that can have several (access points, four-address links).
 */
export function parentIsWired({ parent, links }: PreflightFacts): Problem | undefined {
  const wireless = standsOn(parent, links).find((link) => link.isWireless);
  if (wireless === undefined) return undefined;
  return {
    reason: 'ParentWireless',
    message: `${wireless.name} is a wireless NIC: its access point drops frames of any MAC address but the NIC's own.`,
    remedy:
      'Macvlan is the wrong tool on Wi-Fi: name a wired NIC, or leave the node out and use IPVLAN or a VM with a routed network there.',
  };
}

/** These two balance by giving each frame the MAC address of the port that it leaves by. */
const REWRITING_MODES: ReadonlySet<string> = new Set(['balance-tlb', 'balance-alb']);

export function bondKeepsMacs({ parent, links }: PreflightFacts): Problem | undefined {
  const bond = carriersOf(parent, links).find(({ bondMode }) => REWRITING_MODES.has(bondMode ?? ''));
  if (bond === undefined) return undefined;
  return {
    reason: 'BondModeUnsuitable',
    message: `${bond.name} is a bond of mode ${bond.bondMode}, which puts MAC addresses of its own ports into the frames of pods.`,
    remedy: `Give ${bond.name} the mode active-backup or 802.3ad. Where the mode has to stay, macvlan is the wrong tool: use IPVLAN.`,
  };
}
