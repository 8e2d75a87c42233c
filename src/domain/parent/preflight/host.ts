// What else lives on the node and may get in the way: a system that looks after its network by itself, and load balancers
// that answer ARP on whatever link they find.
import type { Pod } from '../../../api/kube.ts';
import { SHIM_PREFIX } from '../../../api/names.ts';
import type { Problem } from '../../problem.ts';
import type { PreflightFacts, SystemFacts } from './facts.ts';

interface Appliance {
  readonly name: string;
  readonly isIt: (system: SystemFacts) => boolean;
  readonly remedy: string;
}

const APPLIANCES: readonly Appliance[] = [
  {
    name: 'TrueNAS',
    // Its image is called after the Debian that it is made of; the kernel is its own.
    isIt: ({ osImage, kernelVersion }) => /truenas/i.test(`${osImage} ${kernelVersion}`),
    remedy:
      'Run Kubernetes in a VM of TrueNAS with a NIC on one of its bridges. If it stays on the host, expect shim and pod links to go whenever network settings are saved there.',
  },
  {
    name: 'Unraid',
    isIt: ({ osImage, kernelVersion }) => /unraid/i.test(`${osImage} ${kernelVersion}`),
    remedy:
      'Run Kubernetes in a VM of Unraid. On the host, switch bridging off for the NIC and name the NIC itself, since macvlan on its bridge br0 is known to bring the host down; or use IPVLAN.',
  },
];

/** Such systems set their links up anew when they please, and support nothing that others made. */
export function hostLeavesNetworkAlone({ system }: PreflightFacts): Problem | undefined {
  const appliance = APPLIANCES.find(({ isIt }) => isIt(system));
  if (appliance === undefined) return undefined;
  return {
    reason: 'ApplianceHost',
    message: `The node runs ${appliance.name}, which sets up its network by itself and knows nothing of links that others make.`,
    remedy: appliance.remedy,
    severity: 'Warning',
  };
}

/**
 * The LAN would learn the shim's MAC address for the addresses of such a load balancer. Seen are its pod, and, where that can be
 * seen, its ear on the shim: once the shim is excluded there is none. A shim whose egress is filtered says nothing to the LAN.
 */
export function nobodyAnswersOnShim({ attachment, parent, links, ...facts }: PreflightFacts): Problem | undefined {
  const [responder] = facts.arpResponders;
  if (attachment.spec.hostAccess?.type !== 'Routed' || responder === undefined) return undefined;
  const shim = links.find(({ name, kind, lower }) => {
    return kind === 'macvlan' && lower === parent.ifindex && name.startsWith(SHIM_PREFIX);
  });
  if (shim === undefined || !shim.isUp || Array.isArray(shim.egress)) return undefined;
  if (facts.arpListeners?.has(shim.ifindex) === false) return undefined;
  return {
    reason: 'ArpResponderOnShim',
    message: `${responder} runs on the node and answers ARP for its addresses on ${shim.name} too, with the MAC address of the shim.`,
    remedy: `Exclude the shims: add ^${SHIM_PREFIX}.* to announcedInterfacesToExclude in the ConfigMap metallb-excludel2 and restart the speakers, or name the LAN's NICs under interfaces in each L2Advertisement.`,
    severity: 'Warning',
  };
}

/**
 * Which of the node's pods are such load balancers, by the labels of their usual installations. MetalLB's speaker has a
 * responder on every link. Not in here, since they keep to links of their own: kube-vip (the kernel answers for its address, on
 * the one link that has it) and Cilium (whose answers are bound to its devices).
 */
export function arpRespondersAmong(pods: readonly Pod[]): readonly string[] {
  return pods.some(isMetalLbSpeaker) ? ['The speaker of MetalLB'] : [];
}

/** Of its manifests, and of its Helm chart. */
const NAME_LABELS = ['app', 'app.kubernetes.io/name'];
const COMPONENT_LABELS = ['component', 'app.kubernetes.io/component'];
/** The labels that {@link arpRespondersAmong} looks at. */
export const RESPONDER_LABELS: readonly string[] = [...NAME_LABELS, ...COMPONENT_LABELS];

function isMetalLbSpeaker({ metadata: { labels = {} }, status }: Pod): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  return (
    NAME_LABELS.some((key) => labels[key] === 'metallb') && COMPONENT_LABELS.some((key) => labels[key] === 'speaker')
  );
}
