// The CNI plugins that pods of an attachment need on their node. Distributions differ in what they bring.
import type { MacvlanAttachment } from '../../../api/v1alpha1/attachment.ts';
import type { Ipam } from '../../../api/v1alpha1/ipam.ts';
import type { Problem } from '../../problem.ts';
import type { PreflightFacts } from './facts.ts';

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

/** Without them the runtime cannot start the pod. */
export function pluginsAreThere({ missingPlugins }: PreflightFacts): Problem | undefined {
  if (missingPlugins.length === 0) return undefined;
  const noun = missingPlugins.length === 1 ? 'plugin' : 'plugins';
  return {
    reason: 'CniPluginMissing',
    message: `The node lacks the CNI ${noun} ${missingPlugins.join(' and ')}.`,
    remedy:
      "Install the CNI plugins (containernetworking/plugins) in the node's CNI binary directory; k3s, RKE2, k0s and others ship without macvlan, static and dhcp.",
  };
}
