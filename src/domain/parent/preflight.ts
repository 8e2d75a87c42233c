// What has to be true of a chosen NIC and its node before pods may attach through it; each check states one fact.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { Ipam } from '../../api/v1alpha1/ipam.ts';
import type { Link } from '../net/network.ts';
import type { Problem } from '../problem.ts';

/** What the checks look at. */
export interface PreflightFacts {
  readonly attachment: MacvlanAttachment;
  readonly parent: Link;
  readonly alias: string;
  /** All links of the node. */
  readonly links: readonly Link[];
  /** CNI plugins that the attachment needs and the node lacks. */
  readonly missingPlugins: readonly string[];
}

type Check = (facts: PreflightFacts) => Problem | undefined;

const checks: readonly Check[] = [
  parentIsConnected, // a pod would attach to silence, and its DHCP would time out
  mtuFits, // the macvlan plugin refuses the pod
  pluginsAreThere, // the runtime cannot start the pod
  aliasIsFree, // the kernel refuses the alias
];

/** Everything that stands in the way, in the order of the checks. */
export function preflight(facts: PreflightFacts): readonly Problem[] {
  return checks.flatMap((check) => check(facts) ?? []);
}

/** Names of the CNI plugin binaries that pods of the attachment need, each once. */
export function pluginsFor({ spec }: MacvlanAttachment): readonly string[] {
  const chained = (spec.chain ?? []).map((plugin) => plugin.type);
  return [...new Set(['macvlan', ...ipamPluginsFor(spec.ipam), ...chained])];
}

function ipamPluginsFor(ipam: Ipam): readonly string[] {
  switch (ipam.type) {
    case 'DHCP':
      return ['dhcp'];
    case 'Static':
    case 'Pool':
      return ['static'];
    case 'HostLocal':
      return ['host-local'];
    case 'Raw':
      return ipam.raw === undefined ? [] : [ipam.raw.config.type];
    default:
      return [];
  }
}

function parentIsConnected({ parent }: PreflightFacts): Problem | undefined {
  if (parent.isUp && parent.hasCarrier) return undefined;
  const state = parent.isUp ? 'has no carrier' : 'is switched off';
  const remedy = parent.isUp
    ? `Connect ${parent.name} to the LAN: check cable and switch port.`
    : `Switch ${parent.name} on (ip link set ${parent.name} up).`;
  return { reason: 'ParentDown', message: `${parent.name} ${state}.`, remedy };
}

function mtuFits({ attachment, parent }: PreflightFacts): Problem | undefined {
  const { mtu } = attachment.spec;
  if (mtu === undefined || mtu <= parent.mtu) return undefined;
  return {
    reason: 'MtuTooLarge',
    message: `The attachment wants an MTU of ${mtu}, but ${parent.name} has ${parent.mtu}.`,
    remedy: `Lower spec.mtu to at most ${parent.mtu}, or raise the MTU of ${parent.name}.`,
  };
}

function pluginsAreThere({ missingPlugins }: PreflightFacts): Problem | undefined {
  if (missingPlugins.length === 0) return undefined;
  return {
    reason: 'CniPluginMissing',
    message: `The node lacks the CNI plugin ${missingPlugins.join(' and ')}.`,
    remedy: "Install the CNI plugins (containernetworking/plugins) in the node's CNI binary directory.",
  };
}

/** An altname of that name is ours to move; a device whose real name it is belongs to somebody else. */
function aliasIsFree({ alias, links }: PreflightFacts): Problem | undefined {
  if (!links.some((link) => link.name === alias)) return undefined;
  return {
    reason: 'AliasTaken',
    message: `A network device of the node is named ${alias}.`,
    remedy: `Rename that device: ${alias} has to become the second name of the parent NIC.`,
  };
}
