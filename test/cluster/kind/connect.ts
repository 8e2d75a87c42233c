// What makes a kind node one of a test cluster, once kubeadm is done with it: CNI plugins and configuration, the ways to the other
// nodes' pods, the NIC on the LAN, the DHCP plugin's daemon.
import { cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { plugNic } from '../lan.ts';
import { MULTUS_USER } from '../manifests.ts';
import { ipBatch, nameSpace, type Space, setSysctls } from '../namespaces.ts';
import { pluginPaths } from '../netns.ts';
import { networkFiles } from '../node-files.ts';
import type { Setting } from '../providers.ts';
import { type NodeFacts, POD_RANGE } from '../topology.ts';
import { inNode } from './nodes.ts';

export interface KindNode {
  readonly facts: NodeFacts;
  readonly space: Space;
}

export async function connectNodes(setting: Setting, nodes: readonly KindNode[], lan: Space): Promise<void> {
  const [first] = nodes;
  const { multus } = setting;
  const kubeconfig = multus === undefined || first === undefined ? undefined : await multusKubeconfig(first.space);
  await Promise.all(
    nodes.map(async ({ facts, space }) => {
      nameSpace(setting.instance, facts.name, space.pid);
      await connectToPods(facts, space, nodes);
      placePrograms(space, pluginPaths(setting.programs), multus);
      placeFiles(space, networkFiles({ facts, multusKubeconfig: kubeconfig }));
      // Docker turns it off for every NIC that does not come from it.
      await setSysctls(space, { 'net.ipv6.conf.default.disable_ipv6': '0' });
      await plugNic(lan, space, facts);
      if (setting.options.dhcpDaemon === 'Running') await startDhcpDaemon(space);
    }),
  );
}

/** A client certificate of the cluster's own authority, issued by kubeadm, which has it at hand. */
function multusKubeconfig(control: Space): Promise<string> {
  return inNode(control, [
    ...['kubeadm', 'kubeconfig', 'user', '--config', '/kind/kubeadm.conf', '--client-name', MULTUS_USER],
  ]);
}

async function connectToPods(facts: NodeFacts, space: Space, nodes: readonly KindNode[]): Promise<void> {
  const others = nodes.filter((node) => node.facts !== facts);
  await ipBatch(
    space,
    others.map((other) => `route add ${other.facts.podSubnet} via ${other.facts.address}`),
  );
  const masquerade = ['-s', facts.podSubnet, '!', '-d', POD_RANGE, '-j', 'MASQUERADE'];
  await inNode(space, ['iptables', '-w', '-t', 'nat', '-A', 'POSTROUTING', ...masquerade]);
}

/** Multus is called by this name whatever its file is. */
function placePrograms(space: Space, plugins: readonly string[], multus: string | undefined): void {
  const folder = `/proc/${space.pid}/root/opt/cni/bin`;
  for (const plugin of plugins) cpSync(plugin, join(folder, basename(plugin)), { force: true });
  if (multus !== undefined) cpSync(multus, join(folder, 'multus'), { force: true });
}

/** Whole at once: containerd reads a configuration as soon as it sees one. */
function placeFiles(space: Space, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files).reverse()) {
    const target = join(`/proc/${space.pid}/root`, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(`${target}.new`, text, { mode: 0o600 });
    renameSync(`${target}.new`, target);
  }
}

/** By systemd: started from outside it would look for itself under /proc by a number that is another one there. */
async function startDhcpDaemon(space: Space): Promise<void> {
  await inNode(space, ['systemd-run', '--quiet', '--unit=cni-dhcp', '/opt/cni/bin/dhcp', 'daemon']);
}
