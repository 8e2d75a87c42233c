// A cluster without a container engine: each node is a set of namespaces of this machine.
//
//   loopback port ──▶ cp: etcd, kube-apiserver, controllers, scheduler ── mgmt bridge 10.89.0.0/24 ──▶ eth0 of each node
//   lan: br0 192.0.2.1/24, DHCP ──▶ LAN NIC of each node (each with a name of its own), client 192.0.2.50
import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildTools, type Programs } from './binaries.ts';
import { createCgroup } from './cgroups.ts';
import { type Control, startControl, startControllers } from './cluster-control.ts';
import { clusterOf } from './handles.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import { plugNic, startLan } from './lan.ts';
import { MULTUS_USER } from './manifests.ts';
import { harnessCgroup, type Space } from './namespaces.ts';
import { netnsNodes } from './netns-nodes.ts';
import * as node from './node.ts';
import { PAUSE_IMAGE } from './node-files.ts';
import type { Progress } from './progress.ts';
import type { Provider, Setting } from './providers.ts';
import { makeReady } from './readiness.ts';
import { allTools, cniPlugins, programOf } from './tools.ts';
import { API_PORT, CONTROL_ADDRESS, type NodeFacts } from './topology.ts';
import type { ClusterRecord } from './wipe.ts';

export const netnsProvider: Provider = {
  programs,
  prepare: programs,
  bringUp,
  holdersOf: ({ nodes }) => ['cp', 'lan', 'client', ...nodes.map(({ name }) => name)].map((name) => `space-${name}`),
  clusterOf: (instance, record, programs) => clusterOf(instance, record, programs, netnsNodes(instance)),
};

function programs(progress: Progress): Promise<Programs> {
  return buildTools(allTools(), progress);
}

async function bringUp(setting: Setting, record: ClusterRecord): Promise<ClusterRecord> {
  const { instance, processes, programs, options, progress } = setting;
  const { nodes: facts } = record;
  createCgroup(harnessCgroup(instance));
  const [control, { lan }] = await Promise.all([
    startControl(instance, processes, programs, options.apiServerArgs ?? []),
    startLan(instance, processes),
  ]);
  const spaces = await Promise.all(facts.map((one) => startNode(setting, control, one)));
  await Promise.all(
    spaces.map(async (space, index) => {
      const own = facts[index];
      if (own === undefined) return;
      await node.connectNode(
        control.space,
        space,
        own,
        facts.filter((other) => other !== own),
      );
      await plugNic(lan, space, own);
    }),
  );
  progress('networks are up; waiting for the API server');
  await control.ready;
  startControllers(instance, processes, programs, control);
  for (const [index, space] of spaces.entries()) {
    await node.waitForContainerd(processes, space);
    const own = facts[index];
    if (own !== undefined) node.startOn(instance, processes, space, node.kubeletArgv(own));
    if (options.dhcpDaemon === 'Running') node.startOn(instance, processes, space, node.dhcpDaemonArgv());
  }
  progress('the API server is ready; waiting for the nodes');
  const finished: ClusterRecord = { ...record, port: control.port };
  const cluster = clusterOf(instance, finished, programs, netnsNodes(instance));
  await makeReady(cluster, { nadCrd: options.nadCrd ?? 'Installed', sandboxImage: PAUSE_IMAGE });
  return finished;
}

async function startNode(setting: Setting, control: Control, facts: NodeFacts): Promise<Space> {
  const { instance, processes, programs, multus } = setting;
  const { authority } = control;
  const kubeconfig = (commonName: string, organization?: string) => {
    const user = authority.issue({ commonName, ...(organization === undefined ? {} : { organization }) });
    return kubeconfigFor({ server: `https://${CONTROL_ADDRESS}:${API_PORT}`, ca: authority.cert, user });
  };
  const folder = node.nodeFolder(instance, facts.name);
  const space = await node.createNode(
    instance,
    processes,
    {
      facts,
      folder,
      cgroup: node.nodeCgroup(instance, facts.name),
      authority: authority.cert,
      kubeletKubeconfig: kubeconfig(`system:node:${facts.name}`, 'system:nodes'),
      multusKubeconfig: multus === undefined ? undefined : kubeconfig(MULTUS_USER),
      plugins: pluginPaths(programs),
    },
    [...new Set(['containerd', 'runc', 'kubelet', 'cnitool'].map((name) => dirname(programs[name] ?? '')))],
  );
  if (multus !== undefined) cpSync(multus, join(folder, 'opt/cni/bin/multus'));
  node.startOn(instance, processes, space, node.containerdArgv());
  return space;
}

/** Paths of the CNI plugins. */
export function pluginPaths(programs: Programs): readonly string[] {
  return cniPlugins.packages.map((path) => programs[programOf(cniPlugins, path)] ?? '');
}
