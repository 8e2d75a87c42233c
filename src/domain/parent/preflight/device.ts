// The state of the chosen NIC: connected, wide enough, and free for the alias.
import type { Problem } from '../../problem.ts';
import type { PreflightFacts } from './facts.ts';

/** A pod would attach to silence, and its DHCP would time out. */
export function parentIsConnected({ parent }: PreflightFacts): Problem | undefined {
  if (parent.isUp && parent.hasCarrier) return undefined;
  const state = parent.isUp ? 'has no carrier' : 'is switched off';
  const remedy = parent.isUp
    ? `Connect ${parent.name} to the LAN: check cable and switch port.`
    : `Switch ${parent.name} on (ip link set ${parent.name} up).`;
  return { reason: 'ParentDown', message: `${parent.name} ${state}.`, remedy };
}

/** The macvlan plugin would refuse the pod. */
export function mtuFits({ attachment, parent }: PreflightFacts): Problem | undefined {
  const { mtu } = attachment.spec;
  if (mtu === undefined || mtu <= parent.mtu) return undefined;
  return {
    reason: 'MtuTooLarge',
    message: `The attachment wants an MTU of ${mtu}, but ${parent.name} has ${parent.mtu}.`,
    remedy: `Lower spec.mtu to at most ${parent.mtu}, or raise the MTU of ${parent.name}.`,
  };
}

/**
 * The kernel would refuse the alias. An altname of that name is ours to move; a device whose real name it is belongs to
 * somebody else.
 */
export function aliasIsFree({ alias, links }: PreflightFacts): Problem | undefined {
  if (!links.some((link) => link.name === alias)) return undefined;
  return {
    reason: 'AliasTaken',
    message: `A network device of the node is named ${alias}.`,
    remedy: `Rename that device: ${alias} has to become the second name of the parent NIC.`,
  };
}
