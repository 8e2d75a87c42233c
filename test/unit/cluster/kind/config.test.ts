import { describe, expect, test } from '@jest/globals';
import { containerName, type KindFacts, kindConfig } from '../../../cluster/kind/config.ts';
import { nodeFacts } from '../../../cluster/topology.ts';

const facts: KindFacts = {
  nodes: nodeFacts([
    { name: 'node-a', parent: 'enp3s0' },
    { name: 'node-b', parent: 'lan0' },
    { name: 'node-c', parent: 'nic0' },
  ]),
  minor: '1.36',
  apiFolder: '/state/api',
  apiServerArgs: [],
  apiPort: 6443,
  cgroups: 'cgroupfs',
  oomScores: 'Restricted',
};

interface Config {
  readonly networking: object;
  readonly containerdConfigPatches: readonly string[];
  readonly kubeadmConfigPatches: readonly string[];
  readonly nodes: readonly { readonly role: string; readonly kubeadmConfigPatches: readonly string[] }[];
}

/** The patch of one kind of kubeadm's objects. */
function patchOf(changes: Partial<KindFacts>, kind: string): Record<string, unknown> | undefined {
  const config = kindConfig({ ...facts, ...changes }) as Config;
  const all = [...config.kubeadmConfigPatches, ...config.nodes.flatMap((node) => node.kubeadmConfigPatches)];
  return all.map((text) => JSON.parse(text)).find((patch) => patch.kind === kind);
}

describe("kind's configuration", () => {
  test('names the nodes as the suites do, whatever the containers are called, and lets pods run on the first one', () => {
    const { nodes } = kindConfig(facts) as Config;
    expect(nodes.map((node) => node.role)).toEqual(['control-plane', 'worker', 'worker']);
    expect(nodes.map((node) => JSON.parse(node.kubeadmConfigPatches[0] ?? '{}'))).toEqual([
      { kind: 'InitConfiguration', nodeRegistration: { name: 'node-a', taints: [] } },
      { kind: 'JoinConfiguration', nodeRegistration: { name: 'node-b' } },
      { kind: 'JoinConfiguration', nodeRegistration: { name: 'node-c' } },
    ]);
    expect([0, 1, 2].map((index) => containerName('demo', index))).toEqual([
      'demo-control-plane',
      'demo-worker',
      'demo-worker2',
    ]);
  });

  test('leaves the taint of an only node to kind, which fails when it does not find it', () => {
    const patch = patchOf({ nodes: nodeFacts([{ name: 'single', parent: 'nic0' }]) }, 'InitConfiguration');
    expect(patch).toEqual({ kind: 'InitConfiguration', nodeRegistration: { name: 'single' } });
  });

  test('has the API server write an audit log into a folder of this machine', () => {
    const { apiServer } = patchOf({}, 'ClusterConfiguration') as { apiServer: { extraArgs: object[] } };
    expect(apiServer.extraArgs).toContainEqual({ name: 'audit-log-path', value: '/etc/kubernetes/harness/audit.log' });
    expect((kindConfig(facts) as Config).nodes[0]).toMatchObject({
      extraMounts: [{ hostPath: '/state/api', containerPath: '/etc/kubernetes/harness' }],
    });
  });

  test("writes arguments as a map for the Kubernetes whose older format of kubeadm's file kind uses", () => {
    const changes = { minor: '1.35', apiServerArgs: ['--watch-cache=false', '--oidc-issuer-url=https://a/?b=c'] };
    expect(patchOf(changes, 'ClusterConfiguration')).toMatchObject({
      apiServer: { extraArgs: { 'watch-cache': 'false', 'oidc-issuer-url': 'https://a/?b=c' } },
    });
  });

  test('asks for a certain port only where it is known to be free', () => {
    expect((kindConfig(facts) as Config).networking).toMatchObject({ apiServerPort: 6443 });
    expect((kindConfig({ ...facts, apiPort: 0 }) as Config).networking).not.toHaveProperty('apiServerPort');
  });

  test("tells kubelet the image's way of making cgroups", () => {
    expect(patchOf({ cgroups: 'systemd' }, 'KubeletConfiguration')).toMatchObject({ cgroupDriver: 'systemd' });
  });

  test('tells containerd the same, and not to lower scores where root may not, in both formats of its file', () => {
    const [older = '', newer = ''] = (kindConfig(facts) as Config).containerdConfigPatches;
    for (const patch of [older, newer]) {
      expect(patch).toContain('SystemdCgroup = false');
      expect(patch).toContain('restrict_oom_score_adj = true');
    }
    expect(older).toMatch(/^version = 2\n\[plugins\."io\.containerd\.grpc\.v1\.cri"\]/);
    expect(newer).toMatch(/^version = 3\n\[plugins\."io\.containerd\.cri\.v1\.runtime"\]/);
    const free = kindConfig({ ...facts, cgroups: 'systemd', oomScores: 'Free' }) as Config;
    expect(free.containerdConfigPatches[0]).toContain('SystemdCgroup = true');
    expect(free.containerdConfigPatches[0]).toContain('restrict_oom_score_adj = false');
  });
});
