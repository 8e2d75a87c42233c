import { describe, expect, test } from '@jest/globals';
import { type DhcpSight, daemonProblem, lacksDaemon, leaseProblems } from '../../../../src/domain/dhcp/problems.ts';
import type { ReportedLease } from '../../../../src/domain/dhcp/protocol.ts';
import type { LinkSights } from '../../../../src/domain/pod/link-state.ts';
import { attachment } from '../../../support/builders.ts';

const lease = (change: Partial<ReportedLease> = {}): ReportedLease => ({
  container: 'a',
  network: 'lan',
  interface: 'net1',
  phase: 'Bound',
  since: 0,
  server: 'Answers',
  ...change,
});
const sight = (...leases: readonly ReportedLease[]): DhcpSight => ({
  daemon: 'There',
  report: { since: 0, links: leases.length, leases },
});
const sights = new Map(
  ['a', 'b'].map((container) => [
    `uid-${container}/net1`,
    {
      cached: { container, attachment: 'lan', interface: 'net1', namespace: 'home', name: `pod-${container}` },
      live: { isRepaired: false, addresses: [{ address: '192.0.2.3', isUsable: true, isPermanent: true }] },
    },
  ]),
) as unknown as LinkSights;
const external = attachment({ spec: { ipam: { type: 'DHCP', dhcp: { daemon: { type: 'External' } } } } });

describe('a daemon', () => {
  test('that is being started holds pods back and is no problem yet', () => {
    expect(lacksDaemon(attachment(), { daemon: 'Starting' })).toBe(true);
    expect(daemonProblem(attachment(), { daemon: 'Starting' })).toBeUndefined();
  });

  test('that stays away is a problem, for those who need it', () => {
    expect(daemonProblem(attachment(), { daemon: 'Missing' })?.reason).toBe('DhcpDaemonMissing');
    expect(daemonProblem(external, { daemon: 'Missing' })).toBeUndefined();
    expect(daemonProblem(attachment({ spec: { ipam: { type: 'None' } } }), { daemon: 'Missing' })).toBeUndefined();
  });

  test('that is there, or that nobody looks for, is none', () => {
    for (const seen of [sight(), undefined]) expect(lacksDaemon(attachment(), seen)).toBe(false);
  });
});

describe('of the leases', () => {
  const reasons = (...leases: readonly ReportedLease[]) =>
    leaseProblems('lan', sight(...leases), sights).map(({ reason, message }) => `${reason} ${message}`);

  test('nothing is said while all is well, and nothing of other attachments', () => {
    expect(reasons(lease(), lease({ network: 'wan', server: 'Silent' }))).toEqual([]);
  });

  test('those without an answer are told with their pods, as far as these are known', () => {
    expect(
      reasons(
        lease({ phase: 'Renewing', server: 'Silent', container: 'b' }),
        lease({ phase: 'Asking', server: 'Silent', container: 'new' }),
        lease({ phase: 'Renewing', server: 'Silent' }),
      ),
    ).toEqual([
      'DhcpNoAnswer No DHCP server has answered within 10 seconds: home/pod-a, home/pod-b, a pod that is being started.',
    ]);
  });

  test('the remedy names what to look at', () => {
    const [problem] = leaseProblems('lan', sight(lease({ server: 'Silent' })), sights);
    for (const word of ['VLAN', 'pool', 'DHCP snooping', 'MAC filter']) expect(problem?.remedy).toContain(word);
  });

  test('those that are lost are told apart', () => {
    expect(reasons(lease({ phase: 'Expired' }), lease({ container: 'b', otherAddress: '192.0.2.7/24' }))).toEqual([
      expect.stringMatching(/^DhcpLeaseLost The lease expired .*: home\/pod-a\.$/),
      expect.stringMatching(/^DhcpLeaseLost .*\(192\.0\.2\.7\/24\).*: home\/pod-b\.$/),
    ]);
  });

  test('another address than the one of the start is told, and whether the link has it by now', () => {
    const moved = (otherAddress: string) => reasons(lease({ otherAddress }));
    expect(moved('192.0.2.3/24')).toEqual([
      'DhcpLeaseLost The DHCP server has given another address (192.0.2.3/24) than the one of the start, which the link has now: home/pod-a.',
    ]);
    const inUse =
      'DhcpLeaseLost The DHCP server now gives another address (192.0.2.33/24) than the one in use: home/pod-a.';
    expect(moved('192.0.2.33/24')).toEqual([inUse]);
    const unseen = new Map([...sights].map(([key, one]) => [key, { ...one, live: 'Unseen' as const }]));
    const [problem] = leaseProblems('lan', sight(lease({ otherAddress: '192.0.2.3/24' })), unseen);
    expect(problem?.message).toContain('than the one in use');
  });
});
