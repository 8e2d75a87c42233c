// How a parent stands after an event, seen from all sides: the kernel, the NodeState, the node's label and the pod's own namespace.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { readyLabelChanges, readyLabelFor } from '../../../src/domain/attachment/ready-labels.ts';
import { isEqual } from '../../../src/domain/objects/equal.ts';
import { until } from '../../support/until.ts';
import type { LabAgent } from './agent.ts';
import type { Lab } from './lab.ts';
import { NIC, NIC_MAC, NODE_IP, ROUTER_IP } from './lan.ts';

/** One row of the table, as far as it can be told without words. */
export interface Standing {
  /** The NIC that has the alias. */
  readonly alias: string | undefined;
  /** The NIC below the shim, and the shim's MTU. */
  readonly shim: string | undefined;
  /** `Ready`, or `Failed` with the first problem. */
  readonly state: string;
  readonly label: 'on' | 'off';
  /** Reaches: the router answers. Silent: the link is there. Gone: it is not. */
  readonly pod: 'Reaches' | 'Silent' | 'Gone';
}

interface LinkView {
  readonly ifname: string;
  readonly link?: string;
  readonly mtu: number;
  readonly altnames?: readonly string[];
}

/** Where it all is. */
export interface Scene {
  readonly lab: Lab;
  readonly agent: LabAgent;
  readonly attachment: MacvlanAttachment;
}

export async function standing({ lab, agent, attachment }: Scene): Promise<Standing> {
  const { name } = attachment.metadata;
  const links = await lab.show<LinkView>('node', 'link');
  const shim = links.find((link) => link.ifname.startsWith('mvs-'));
  const entry = agent.entry(name);
  const node = { metadata: { name: 'node-a' } };
  const labels = readyLabelChanges(node, [attachment], { metadata: { name: 'node-a' }, status: agent.status });
  return {
    alias: links.find((link) => link.altnames?.includes(`mva-${name}`))?.ifname,
    shim: shim === undefined ? undefined : `${shim.link} ${shim.mtu}`,
    state: [entry?.phase, entry?.problems?.[0]?.reason].filter((word) => word !== undefined).join(' '),
    label: readyLabelFor(name) in labels ? 'on' : 'off',
    pod: await podOf(lab),
  };
}

async function podOf(lab: Lab): Promise<Standing['pod']> {
  if ((await lab.show('pod', 'link show dev net1')).length === 0) return 'Gone';
  return (await lab.pings('pod', ROUTER_IP)) ? 'Reaches' : 'Silent';
}

/** Waits until everything is as the row says. Tells what it was last when that does not come about. */
export async function settles(scene: Scene, expected: Standing): Promise<void> {
  let last: Standing | undefined;
  const look = async () => {
    last = await standing(scene);
    return isEqual(last, expected);
  };
  await until('the row', look, 8000).catch((error: unknown) => {
    throw new Error(`expected ${JSON.stringify(expected)}, but it is ${JSON.stringify(last)}`, { cause: error });
  });
}

/** A NIC of the node on a cable of its own; `sw0` has the router's address, and the NIC then has the node's. */
export async function plugNic(lab: Lab, init: { name?: string; mac?: string; port?: string } = {}): Promise<void> {
  const { name = NIC, mac = NIC_MAC, port = 'sw0' } = init;
  await lab.ip('router', `link add ${port} type veth peer name ${name} address ${mac} netns node`);
  if (port === 'sw0') {
    await lab.ip('router', `addr add ${ROUTER_IP}/24 dev ${port}`);
    await lab.ip('node', `addr add ${NODE_IP}/24 dev ${name}`);
  }
  await lab.ip('router', `link set ${port} up`);
  await lab.ip('node', `link set ${name} up`);
}

/** Writes down each NIC, by its MAC address, that is ever told to carry the alias, until the returned function is called. */
export async function watchAlias(lab: Lab, alias = 'mva-lan'): Promise<() => Promise<readonly string[]>> {
  const child: ChildProcess = lab.spawn('node', ['ip', '-o', '-d', 'monitor', 'link']);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  // It listens once it has told about the first change that is made for it.
  await until('the monitor', async () => {
    await lab.ip('node', 'link set lo alias watched');
    await lab.ip('node', 'link set lo alias watching');
    return text !== '';
  });
  return async () => {
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;
    const carriers = text
      .split('\n')
      .filter((line) => line.includes(`altname ${alias}`) && !line.startsWith('Deleted'));
    return [...new Set(carriers.map((line) => /link\/ether (\S+)/.exec(line)?.[1] ?? line))].sort();
  };
}
