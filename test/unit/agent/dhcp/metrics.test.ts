import { expect, test } from '@jest/globals';
import { registerLeaseMetrics } from '../../../../src/agent/dhcp/metrics.ts';
import type { DhcpSight } from '../../../../src/domain/dhcp/problems.ts';
import type { LinkSights } from '../../../../src/domain/pod/link-state.ts';
import { Metrics } from '../../../../src/kernel/process/metrics.ts';

const lease = { container: 'a', network: 'lan', interface: 'net1', since: 0, server: 'Answers' } as const;
const cached = { container: 'a', attachment: 'lan', interface: 'net1', namespace: 'home', name: 'web' };

test('the end of each lease is told by pod, and leases are counted by what becomes of them', async () => {
  const metrics = new Metrics({ prefix: 'macvlan_agent' });
  let sight: DhcpSight = {
    daemon: 'There',
    report: {
      since: 0,
      links: 1,
      leases: [
        { ...lease, phase: 'Bound', expires: 1_800_000_000_500 },
        { ...lease, container: 'new', phase: 'Asking' },
      ],
    },
  };
  const links = new Map([['uid/net1', { cached }]]) as unknown as LinkSights;
  registerLeaseMetrics(metrics.registry, { dhcp: () => sight, links: () => links });
  const text = await metrics.text();
  expect(text).toContain(
    'macvlan_agent_dhcp_lease_expiry_seconds{namespace="home",pod="web",interface="net1"} 1800000000.5',
  );
  expect(text).toContain('macvlan_agent_dhcp_leases{phase="Asking"} 1');
  expect(text).toContain('macvlan_agent_dhcp_daemon_up 1');

  sight = { daemon: 'Missing' };
  const later = await metrics.text();
  expect(later).not.toContain('pod="web"');
  expect(later).toContain('macvlan_agent_dhcp_daemon_up 0');
});
