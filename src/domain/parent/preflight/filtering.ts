// Whether the other side of the NIC lets more than one MAC address through: by the kind of NIC, and by what the probe found.
// Both only warn: the first is a guess (the filter may be off), the second is made of answers that did not come.
import type { Link } from '../../net/network.ts';
import type { Problem } from '../../problem.ts';
import { carriersOf, type PreflightFacts } from './facts.ts';

interface OtherSide {
  /** Completes the sentence "its other side is …". */
  readonly what: string;
  readonly remedy: string;
}

const SRIOV: OtherSide = {
  what: 'a network card that is shared by SR-IOV, which drops frames of foreign MAC addresses from a virtual function',
  remedy:
    'Trust the virtual function on its host (ip link set PF vf N trust on spoofchk off), or give the node another kind of NIC.',
};

/** By driver. virtio_net and e1000 are not in here: what is on their other side cannot be told. */
export const FILTERING_DRIVERS: ReadonlyMap<string, OtherSide> = new Map([
  [
    'vmxnet3',
    {
      what: 'a VMware virtual switch, which drops frames of foreign MAC addresses unless told otherwise',
      remedy:
        'Allow forged transmits and MAC learning (or promiscuous mode) on the port group; where that is not to be had, macvlan is the wrong tool: use IPVLAN.',
    },
  ],
  [
    'hv_netvsc',
    {
      what: 'a Hyper-V virtual switch, which drops frames of foreign MAC addresses unless told otherwise',
      remedy:
        'Allow MAC address spoofing for the VM (Set-VMNetworkAdapter -MacAddressSpoofing On); in Azure it cannot be allowed and macvlan is the wrong tool: use IPVLAN with secondary addresses of the NIC.',
    },
  ],
  ['ena', cloud('the network of AWS', 'secondary private addresses of the network interface')],
  ['gve', cloud('the network of Google Cloud', 'alias IP ranges of the VM')],
  ['mana', cloud('the network of Azure', 'secondary addresses of the NIC')],
  ['iavf', SRIOV],
  ['ixgbevf', SRIOV],
  ['igbvf', SRIOV],
]);

function cloud(network: string, addresses: string): OtherSide {
  return {
    what: `${network}, which delivers to the addresses that it has given out itself and to no other`,
    remedy: `Macvlan is the wrong tool there: use IPVLAN with ${addresses}, or Services of the cluster.`,
  };
}

/** Nothing is said once the probe has shown that frames get through. */
export function driverLetsMacsThrough({ parent, links, probe }: PreflightFacts): Problem | undefined {
  if (probe?.verdict === 'Open' || probe?.verdict === 'Filtered') return undefined;
  const [link, side] = filteringCarrier(parent, links) ?? [];
  if (link === undefined || side === undefined) return undefined;
  const how = probe === undefined ? ' spec.macFilterProbe: {type: Gateway} finds out.' : '';
  return {
    reason: 'MacFilteringLikely',
    message: `${link.name} has the driver ${link.driver}: its other side is ${side.what}.`,
    remedy: `${side.remedy}${how}`,
    severity: 'Warning',
  };
}

/** The gateway answered the NIC, and under another MAC address it did not answer on the same NIC. */
export function probeIsAnswered({ parent, links, probe }: PreflightFacts): Problem | undefined {
  if (probe?.verdict !== 'Filtered') return undefined;
  const side = filteringCarrier(parent, links)?.[1];
  const remedy =
    side?.remedy ??
    "Look for port security or a limit of MAC addresses at the switch port, and for forged transmits, promiscuous mode or MAC spoofing at the virtual switch (Proxmox VE: the firewall's MAC filter). Where it has to stay, macvlan is the wrong tool: use IPVLAN.";
  return {
    reason: 'MacFilteringSuspected',
    message: `The gateway ${probe.gateway} answers ${parent.name} itself, and answered none of the questions from another MAC address on it.`,
    remedy,
    severity: 'Warning',
  };
}

function filteringCarrier(parent: Link, links: readonly Link[]): readonly [Link, OtherSide] | undefined {
  for (const link of carriersOf(parent, links)) {
    const side = FILTERING_DRIVERS.get(link.driver ?? '');
    if (side !== undefined) return [link, side];
  }
  return undefined;
}
