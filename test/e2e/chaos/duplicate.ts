// Makes on purpose what must never be: a second holder of a pod's addresses, on another node. Witnesses that miss it prove nothing.
import type { Cluster } from '../../cluster/cluster.ts';
import type { HeldLink } from './witnesses.ts';

const NAMESPACE = 'twin';

/** Resolves when the twin is on the LAN; what it gives takes the twin away. */
export async function makeTwin(cluster: Cluster, original: HeldLink): Promise<() => Promise<void>> {
  const node = cluster.nodes.find(({ name }) => name !== original.node);
  if (node === undefined) throw new Error('there is no other node');
  const [ip = ''] = original.ips;
  const steps = [
    ['ip', 'netns', 'add', NAMESPACE],
    ['ip', 'link', 'add', 'twin', 'link', node.parent, 'address', original.mac, 'type', 'macvlan', 'mode', 'bridge'],
    ['ip', 'link', 'set', 'twin', 'netns', NAMESPACE],
    ['ip', '-n', NAMESPACE, 'address', 'add', `${ip}/24`, 'dev', 'twin'],
    ['ip', '-n', NAMESPACE, 'link', 'set', 'twin', 'up'],
  ];
  for (const step of steps) {
    const { code, stderr } = await node.exec(step);
    if (code !== 0) throw new Error(`${step.join(' ')}: ${stderr}`);
  }
  return async () => {
    await node.exec(['ip', 'netns', 'delete', NAMESPACE]);
  };
}
