// Chapter seven: an appliance with a MAC of its own keeps its DHCP address, wherever it runs.
import {
  type Chapter,
  deletePods,
  kubectl,
  OPERATOR_NAMESPACE,
  pingFrom,
  reaches,
  startPods,
  type World,
} from '../world.ts';
import { firstAddress } from './reach.ts';

const MAC = '02:4d:00:00:00:07';

export const dhcp: Chapter = {
  title: 'The same MAC, the same DHCP address',
  tell: async (world) => {
    await kubectl(world, ['apply', '-f', 'examples/dhcp.yaml']);
    await kubectl(world, ['wait', 'mva/lan-dhcp', '--for=condition=Ready', '--timeout=60s']);
    await daemonsAreThere(world);
    const addresses: string[] = [];
    for (const node of ['node-a', 'node-b', 'node-a']) addresses.push(await addressOn(world, node));
    const [first] = addresses;
    world.stage.check(
      'the address is the same all three times',
      new Set(addresses).size === 1 && /^192\.0\.2\.2\d\d$/.test(first ?? ''),
      addresses.join(),
    );
    const leases = await world.stage.show('LAN: leases of the DHCP server', () => world.cluster.lan.leases());
    const own = leases.stdout.split('\n').filter((line) => line.includes(MAC));
    world.stage.check('and it left one lease, not three', own.length === 1, own.join());
  },
};

/** The plugin needs a daemon on each node; nobody else has brought one. */
async function daemonsAreThere(world: World): Promise<void> {
  const where = ['-n', OPERATOR_NAMESPACE, 'get', 'pods', '-l', 'app.kubernetes.io/name=macvlan-dhcp'];
  const { stdout } = await kubectl(world, [...where, '-o', 'wide']);
  const nodes = world.cluster.nodes.filter(({ name }) => stdout.includes(name));
  world.stage.check(
    'the operator has brought its DHCP daemon to each node',
    nodes.length === world.cluster.nodes.length,
  );
}

async function addressOn(world: World, node: string): Promise<string> {
  const networks = JSON.stringify([{ name: 'lan-dhcp', mac: MAC }]);
  const [links] = await startPods(world, [{ name: 'homeassistant', namespace: 'home', node, networks }]);
  const address = firstAddress(links ?? []);
  await reaches(world, `the LAN reaches it at ${address}`, pingFrom('LAN client', world.cluster.client, address));
  await deletePods(world, 'home', ['homeassistant']);
  return address;
}
