// Chapter six: the NIC is renamed while pods are on it.
import { type Chapter, deletePods, nodeOf, pingFrom, pingFromPod, reaches, startPods, type World } from '../world.ts';
import { onLan } from './reach.ts';

export const nic: Chapter = {
  title: 'The NIC is renamed',
  tell: renamed,
};

async function renamed(world: World): Promise<void> {
  const { stage } = world;
  const node = nodeOf(world, 'node-b');
  const rename = (from: string, to: string) =>
    stage.show(`node-b: ip link set ${from} down; ip link set ${from} name ${to}; ip link set ${to} up`, () =>
      node.exec(['sh', '-c', `ip link set ${from} down && ip link set ${from} name ${to} && ip link set ${to} up`]),
    );
  await rename('lan0', 'eth9');
  await reaches(
    world,
    'pods of node-b still reach the LAN',
    pingFromPod(world, 'media/jellyfin', world.cluster.client.address),
  );
  const alias = await stage.show('node-b: ip -br link show mva-lan', () =>
    node.exec(['ip', '-br', 'link', 'show', 'mva-lan']),
  );
  stage.check('the alias went along with the NIC', alias.stdout.startsWith('eth9'));
  await startPods(world, [{ name: 'late', namespace: 'media', node: 'node-b', networks: onLan('104') }]);
  await deletePods(world, 'media', ['late']);
  await rename('eth9', 'lan0');
  await reaches(
    world,
    'renamed back: node-b reaches its pod',
    pingFrom('node-b', node, await addressOf(world, 'media', 'jellyfin')),
  );
}

async function addressOf(world: World, namespace: string, pod: string): Promise<string> {
  const status = await world.cluster.kubectl([
    '-n',
    namespace,
    'get',
    'pod',
    pod,
    '-o',
    'jsonpath={.metadata.annotations.k8s\\.v1\\.cni\\.cncf\\.io/network-status}',
  ]);
  return /192\.0\.2\.\d+/.exec(status.stdout)?.[0] ?? '';
}
