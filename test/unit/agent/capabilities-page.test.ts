// The page on capabilities, the DaemonSet and the tests of its rows say the same.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { agentDaemonSetFor } from '../../../src/domain/attachment/agent-daemonset.ts';
import { capabilityRows } from '../../support/capability-rows.ts';

const SETTINGS = {
  namespace: 'x',
  image: 'x',
  pullPolicy: 'Never',
  serviceAccount: 'x',
  cniBinDir: '/opt/cni/bin',
  logLevel: 'info',
  healthPort: 8080,
  metricsPort: 8081,
  entersPods: false,
  probesLan: false,
};

interface PodSpec {
  readonly hostPID?: boolean;
  readonly securityContext: { readonly seccompProfile: { readonly type: string } };
  readonly containers: readonly [
    {
      readonly securityContext: Readonly<Record<string, unknown>> & {
        readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
      };
      readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly?: boolean }[];
    },
  ];
}

function podSpecOf(settings: Partial<typeof SETTINGS> = {}): PodSpec {
  const { spec } = agentDaemonSetFor({ ...SETTINGS, ...settings });
  return (spec as unknown as { template: { spec: PodSpec } }).template.spec;
}

/** What the rows with one of these conditions need together. */
function needed(...whiles: readonly string[]): readonly string[] {
  const rows = capabilityRows().filter((row) => whiles.includes(row.while));
  return [...new Set(rows.flatMap((row) => row.capabilities))].sort();
}

describe('the page on capabilities', () => {
  test.each([
    ['no attachment asks for more', {}, ['always']],
    ['one repairs in place', { entersPods: true }, ['always', '`repair: InPlace`']],
    ['one probes its LAN', { probesLan: true }, ['always', '`macFilterProbe: Gateway`']],
  ] as const)('names exactly what agents have while %s', (_, settings, whiles) => {
    const { capabilities } = podSpecOf(settings).containers[0].securityContext;
    expect(capabilities.drop).toEqual(['ALL']);
    expect([...capabilities.add].sort()).toEqual(needed(...whiles));
  });

  test('has a condition in every row that is one of these, and an operation that is tried', () => {
    const tried = readFileSync('test/netns/support/rights-child.ts', 'utf8');
    for (const row of capabilityRows()) {
      expect(['always', '`repair: InPlace`', '`macFilterProbe: Gateway`']).toContain(row.while);
      expect(tried).toContain(row.operation);
    }
    expect(tried.match(/^ {2}(async )?['"]/gm)).toHaveLength(capabilityRows().length);
  });
});

test('agents are as confined as can be: nothing of the node is writable but settings of the network', () => {
  const { hostPID, securityContext: pod, containers } = podSpecOf({ entersPods: true, probesLan: true });
  const [{ securityContext, volumeMounts }] = containers;
  expect(hostPID).toBeUndefined();
  expect(pod.seccompProfile.type).toBe('RuntimeDefault');
  expect(securityContext).toMatchObject({
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
  });
  const writable = volumeMounts.filter((mount) => mount.readOnly !== true).map((mount) => mount.mountPath);
  expect(writable).toEqual(['/host/proc/sys/net']);
});
