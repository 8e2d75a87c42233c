// What the agent counts of leases. When one expires changes by itself, so that it is told here and in no object of the cluster.
import type { Registry } from 'prom-client';
import Gauge from 'prom-client/lib/gauge.js';
import { clientOf, type Lease } from '../../domain/dhcp/lease-book.ts';
import type { DhcpSight } from '../../domain/dhcp/problems.ts';
import type { LinkSights } from '../../domain/pod/link-state.ts';

const PHASES: readonly Lease['phase'][] = ['Asking', 'Bound', 'Renewing', 'Expired', 'LinkGone'];

export interface LeaseSights {
  readonly dhcp: () => DhcpSight;
  readonly links: () => LinkSights;
}

export function registerLeaseMetrics(registry: Registry, { dhcp, links }: LeaseSights): void {
  const leases = () => dhcp().report?.leases ?? [];
  new Gauge({
    name: 'macvlan_agent_dhcp_daemon_up',
    help: "1 while the node's own DHCP daemon is there; 0 also on nodes that need none.",
    registers: [registry],
    collect() {
      this.set(dhcp().daemon === 'There' ? 1 : 0);
    },
  });
  new Gauge({
    name: 'macvlan_agent_dhcp_leases',
    help: 'Leases by what the DHCP daemon is about with them: Asking, Bound, Renewing, Expired, LinkGone.',
    labelNames: ['phase'],
    registers: [registry],
    collect() {
      for (const phase of PHASES) this.set({ phase }, 0);
      for (const { phase } of leases()) this.inc({ phase });
    },
  });
  new Gauge({
    name: 'macvlan_agent_dhcp_lease_expiry_seconds',
    help: 'When the lease of a pod ends unless it is renewed, in seconds since 1970.',
    labelNames: ['namespace', 'pod', 'interface'],
    registers: [registry],
    collect() {
      this.reset();
      const ends = new Map(leases().map((lease) => [clientOf(lease), lease.expires]));
      for (const { cached } of links().values()) {
        const { container = '', attachment: network, interface: link, namespace, name: pod } = cached;
        const end = ends.get(clientOf({ container, network, interface: link }));
        if (end !== undefined) this.set({ namespace, pod, interface: link }, end / 1000);
      }
    },
  });
}
