// Chapter three: who reaches whom. LAN and pods, pods across nodes, a node and its own pods, cluster pods and macvlan pods.
import { type AttachedLink, type PodOptions, succeeded } from '../pods.ts';
import { type Chapter, nodeOf, pingFrom, pingFromPod, reaches, startPods, type World } from '../world.ts';

/** The annotation of a pod that brings its own address. */
export function onLan(host: string): string {
  return JSON.stringify([{ name: 'lan', ips: [`192.0.2.${host}/24`] }]);
}

const DNS = ['serve', '--tcp', '53', '--udp', '53', '--name'];

/** The appliances of the story; later chapters find them by these names. */
export const APPLIANCES: readonly PodOptions[] = [
  { name: 'pihole', namespace: 'home', node: 'node-a', networks: onLan('101'), args: [...DNS, 'pihole'] },
  { name: 'adguard', namespace: 'home', node: 'node-a', networks: onLan('102'), args: [...DNS, 'adguard'] },
  { name: 'jellyfin', namespace: 'media', node: 'node-b', networks: onLan('103'), args: [...DNS, 'jellyfin'] },
];

export const reach: Chapter = {
  title: 'Who reaches whom',
  tell: async (world) => {
    const plain = { name: 'plain', namespace: 'home', node: 'node-a' };
    const links = await startPods(world, [...APPLIANCES, plain]);
    const address = (index: number) => firstAddress(links[index] ?? []);
    const [pihole, adguard, jellyfin] = [address(0), address(1), address(2)];
    world.stage.say(`pihole ${pihole}, adguard ${adguard}, jellyfin ${jellyfin}`);
    await lanAndPods(world, pihole, jellyfin);
    await nodesAndPods(world, pihole, jellyfin);
    for (const [name, ip] of [
      ['pihole', pihole],
      ['adguard', adguard],
    ] as const) {
      for (const protocol of ['udp', 'tcp']) {
        const answer = await world.stage.show(`LAN client: toolbox get ${protocol} ${ip}:53`, () =>
          world.cluster.client.exec([world.cluster.toolbox, 'get', protocol, `${ip}:53`]),
        );
        world.stage.check(`${name} serves ${protocol} port 53 on its own address`, answer.stdout.includes(name));
      }
    }
  },
};

export function firstAddress(links: readonly AttachedLink[]): string {
  return links[0]?.ips[0] ?? 'no address';
}

async function lanAndPods(world: World, pihole: string, jellyfin: string): Promise<void> {
  const { client } = world.cluster;
  const fromLan = (address: string) => pingFrom('LAN client', client, address);
  await reaches(world, 'the LAN client reaches the pod on node-a', fromLan(pihole));
  await reaches(world, 'the LAN client reaches the pod on node-b', fromLan(jellyfin));
  await reaches(world, 'a pod reaches the LAN client', pingFromPod(world, 'home/pihole', client.address));
  await reaches(world, 'pods reach each other across nodes', pingFromPod(world, 'home/pihole', jellyfin));
  await reaches(world, 'and the other way round', pingFromPod(world, 'media/jellyfin', pihole));
}

async function nodesAndPods(world: World, pihole: string, jellyfin: string): Promise<void> {
  const own = [
    ['node-a', pihole, 'home/pihole'],
    ['node-b', jellyfin, 'media/jellyfin'],
  ] as const;
  for (const [name, address, pod] of own) {
    const node = nodeOf(world, name);
    await reaches(world, `${name} reaches its own pod`, pingFrom(name, node, address));
    await reaches(world, `the pod reaches ${name}`, pingFromPod(world, pod, node.lanAddress));
    const route = await world.stage.show(`${name}: ip route get ${address}`, () =>
      node.exec(['ip', 'route', 'get', address]),
    );
    world.stage.check(`${name} goes through its shim`, succeeded(route) && /dev mvs-/.test(route.stdout));
  }
  await reaches(world, 'a cluster pod reaches the macvlan pod of its node', pingFromPod(world, 'home/plain', pihole));
}
