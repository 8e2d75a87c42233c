// Chapter six: the NIC is renamed, then pulled and plugged in again.
import {
  type Chapter,
  deletePods,
  kubectl,
  nodeOf,
  pingFrom,
  pingFromPod,
  reaches,
  rememberShims,
  startPods,
  type World,
} from '../world.ts';
import { APPLIANCES, firstAddress, onLan } from './reach.ts';

export const nic: Chapter = {
  title: 'The NIC is renamed, and replaced',
  tell: async (world) => {
    await renamed(world);
    await replaced(world);
  },
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

async function replaced(world: World): Promise<void> {
  const { stage, cluster } = world;
  const node = nodeOf(world, 'node-a');
  stage.say(`node-a loses ${node.parent}`);
  await node.unplug();
  await stage.eventually('the attachment says so', async () => {
    const line = await cluster.kubectl([
      'get',
      'mva',
      'lan',
      '-o',
      'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.summary}',
    ]);
    return line.stdout === 'False 1/2';
  });
  await kubectl(world, ['get', 'mva', 'lan', '-o', 'wide']);
  const problems = await kubectl(world, [
    'get',
    'mva',
    'lan',
    '-o',
    'jsonpath={.status.problems[0].node}: {.status.problems[0].message} {.status.problems[0].remedy}',
  ]);
  stage.check('and names the node and the remedy', /^node-a: .*enp3s0/.test(problems.stdout));
  await kubectl(world, ['get', 'events', '--field-selector', 'involvedObject.kind=MacvlanAttachment', '-A']);
  stage.say(`a new NIC is plugged in as ${node.parent}`);
  await node.plug();
  await stage.eventually('the attachment is Ready again', async () => {
    const line = await cluster.kubectl(['get', 'mva', 'lan', '-o', 'jsonpath={.status.summary}']);
    return line.stdout === '2/2';
  });
  await rememberShims(world);
  const lost = APPLIANCES.filter((pod) => pod.node === 'node-a');
  stage.say('the links of the pods on node-a died with the NIC; their pods are made again');
  await deletePods(
    world,
    'home',
    lost.map((pod) => pod.name),
  );
  const links = await startPods(world, lost);
  const address = firstAddress(links[0] ?? []);
  await reaches(world, 'the LAN reaches the new pod', pingFrom('LAN client', cluster.client, address));
  await reaches(world, 'and so does its node', pingFrom('node-a', node, address));
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
