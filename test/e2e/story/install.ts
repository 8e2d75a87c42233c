// Chapter one: a cluster whose nodes name their LAN NICs differently, and the chart on it.
import { hasMutatingPolicies, kubernetesRelease } from '../../cluster/kubernetes.ts';
import { chartArguments } from '../chart.ts';
import { takeSnapshot } from '../snapshot.ts';
import { startSniffer } from '../sniffer.ts';
import { type Chapter, kubectl, OPERATOR_NAMESPACE, type World } from '../world.ts';

export const install: Chapter = {
  title: 'A real cluster, and the chart',
  tell: async (world) => {
    const { stage, cluster } = world;
    await kubectl(world, ['get', 'nodes', '-o', 'wide']);
    for (const node of cluster.nodes) {
      const links = await stage.show(`${node.name}: ip -br link show ${node.parent}`, () =>
        node.exec(['ip', '-br', 'link', 'show', node.parent]),
      );
      stage.check(`${node.name} has its LAN NIC ${node.parent}`, links.code === 0);
    }
    const names = new Set(cluster.nodes.map((node) => node.parent));
    stage.check('the LAN NICs have different names', names.size === cluster.nodes.length);

    world.before = await takeSnapshot(world);
    world.sniffer = await startSniffer(cluster);
    stage.say('a sniffer in the LAN now writes down every frame until the end');

    await helmInstall(world);
    for (const namespace of ['home', 'media']) await cluster.kubectl(['create', 'namespace', namespace]);
  },
};

async function helmInstall(world: World): Promise<void> {
  const { stage, cluster } = world;
  const all = ['install', ...chartArguments(world.image)];
  const installed = await stage.show(`helm ${all.join(' ')}`, () => cluster.helm(all));
  stage.check('helm install succeeds', installed.code === 0);
  const saysGate = /schedulingGates: \[\{name: macvlan.dev\/identity\}\]/.test(installed.stdout);
  if (hasMutatingPolicies(kubernetesRelease())) stage.check('no gate has to be written by hand', !saysGate);
  else stage.check('the chart says that pods bring their gate themselves on this Kubernetes', saysGate);
  const rollout = ['-n', OPERATOR_NAMESPACE, 'rollout', 'status', 'deployment/macvlan-controller', '--timeout=90s'];
  stage.check('two controller replicas are ready', (await kubectl(world, rollout)).code === 0);
  await kubectl(world, ['-n', OPERATOR_NAMESPACE, 'get', 'pods,leases']);
}
