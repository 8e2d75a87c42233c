// A running cluster as an object: built from its record alone, so that the process that started it need not be the one that uses it.
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run, runOrThrow, searchPath } from '../support/run.ts';
import type { Programs } from './binaries.ts';
import { insideCgroup } from './cgroups.ts';
import { runKubectl } from './control-plane.ts';
import type { Instance } from './instance.ts';
import { CLIENT_INTERFACE, leaseFileOf, leasesOf, plugNic, reserveAt, unplugNic } from './lan.ts';
import { type Entry, harnessCgroup, inside, pathOf, runInside, type Space, spaceOf } from './namespaces.ts';
import { CONTAINERD_SOCKET } from './node-files.ts';
import { Processes } from './processes.ts';
import type { Cluster, NodeHandle, Place } from './provider.ts';
import { LAN_BRIDGE, LAN_CLIENT, LAN_ROUTER, type NodeFacts } from './topology.ts';
import { type ClusterRecord, wipe } from './wipe.ts';

/** How a command gets into a place, and on which PATH it is looked for. */
export interface Way {
  readonly entry: Entry;
  readonly path: string;
  /** Inside, a command that becomes the one after it. */
  readonly before?: readonly string[];
}

/** In what the nodes of one provider differ from those of another. */
export interface Nodes {
  /** The way for a command that is run to its end, and for one that is started and has to keep its pid. */
  wayInto(space: Space, program: string, use: 'Run' | 'Start'): Way;
  /** This machine's number of a process that is known by the node's. */
  pidOf(space: Space, pid: number): number;
  setManagement(facts: NodeFacts, state: 'up' | 'down'): Promise<void>;
  crash(facts: NodeFacts, program: 'kubelet' | 'containerd'): Promise<() => Promise<void>>;
  readonly auditLog: string;
}

export function clusterOf(instance: Instance, record: ClusterRecord, programs: Programs, kind: Nodes): Cluster {
  const processes = new Processes(instance.folder);
  const lan = spaceOf(processes, 'lan');
  const client = spaceOf(processes, 'client');
  const nodes = record.nodes.map((facts) =>
    nodeOf(instance, facts, { space: spaceOf(processes, facts.name), lan }, kind),
  );
  const node = (name: string) => {
    const found = nodes.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`the cluster ${instance.name} has no node ${name}`);
    return found;
  };
  const program = (name: string) => programs[name] ?? name;
  return {
    name: instance.name,
    kubeconfig: join(instance.folder, 'kubeconfig'),
    nodes,
    node,
    lan: {
      ...placeOf(instance, lan),
      bridge: LAN_BRIDGE,
      router: LAN_ROUTER,
      dnsmasqLeases: () => leasesOf(instance),
      leases: () => run(['cat', leaseFileOf(instance)]),
      reserve: (mac, address) => reserveAt(instance, mac, address),
      dnsmasqLog: processes.logOf('dnsmasq'),
    },
    client: { ...placeOf(instance, client), address: LAN_CLIENT, interface: CLIENT_INTERFACE },
    auditLog: kind.auditLog,
    stateDir: instance.folder,
    kubectlPath: program('kubectl'),
    helmPath: program('helm'),
    toolbox: program('toolbox'),
    kubectl: (args, options = {}) => runKubectl(program('kubectl'), instance.folder, args, options),
    helm: (args, options = {}) => {
      const home = join(instance.folder, 'helm');
      const env = {
        KUBECONFIG: join(instance.folder, 'kubeconfig'),
        HELM_CACHE_HOME: `${home}/cache`,
        HELM_CONFIG_HOME: `${home}/config`,
        HELM_DATA_HOME: `${home}/data`,
      };
      return run([program('helm'), ...args], { ...options, env });
    },
    loadImage: async (archive) => {
      await Promise.all(nodes.map((one) => importImage(one, archive)));
      return referencesIn(archive);
    },
    containerStatus: async (name, id) => readFileSync(`/proc/${await node(name).containerPid(id)}/status`, 'utf8'),
    down: async () => {
      await wipe(instance);
    },
  };
}

interface Spaces {
  readonly space: Space;
  readonly lan: Space;
}

function nodeOf(instance: Instance, facts: NodeFacts, { space, lan }: Spaces, kind: Nodes): NodeHandle {
  const place = placeOf(instance, space, (program, use) => kind.wayInto(space, program, use));
  const root = `/proc/${space.pid}/root`;
  return {
    ...place,
    name: facts.name,
    parent: facts.parent,
    parentMac: facts.parentMac,
    lanAddress: facts.lanAddress,
    address: facts.address,
    netns: pathOf(instance, facts.name),
    containerdSocket: `${root}${CONTAINERD_SOCKET}`,
    root,
    plug: (options) => plugNic(lan, space, facts, options),
    unplug: () => unplugNic(lan, facts),
    containerPid: async (id) => {
      const wanted = id.replace(/^containerd:\/\//, '');
      const tasks = await place.exec(['ctr', '--namespace', 'k8s.io', 'tasks', 'list']);
      const line = tasks.stdout.split('\n').find((text) => text.startsWith(wanted));
      if (wanted === '' || line === undefined)
        throw new Error(`${facts.name} runs no container ${id}: ${tasks.stderr}`);
      return kind.pidOf(space, Number(line.split(/\s+/)[1]));
    },
    setManagement: (state) => kind.setManagement(facts, state),
    crash: (program) => kind.crash(facts, program),
  };
}

type FindWay = (program: string, use: 'Run' | 'Start') => Way;

const networkAlone: FindWay = () => ({ entry: ['net'], path: searchPath() });

function placeOf(instance: Instance, space: Space, wayInto: FindWay = networkAlone): Place {
  return {
    exec: (argv, options = {}) => {
      const { entry, path } = wayInto(argv[0] ?? '', 'Run');
      return runInside({ ...space, entry }, argv, { ...options, env: { PATH: path, ...options.env } });
    },
    spawn: (argv): ChildProcess => {
      const { entry, path, before = [] } = wayInto(argv[0] ?? '', 'Start');
      const whole = inside({ ...space, entry }, [...before, ...argv]);
      // In the cluster's cgroup: what a test forgets to end, ends with the cluster.
      const [program = '', ...args] = insideCgroup(harnessCgroup(instance), whole);
      return spawn(program, args, { env: { ...process.env, PATH: path }, stdio: ['pipe', 'pipe', 'pipe'] });
    },
  };
}

/** Through standard input: the archive's path may mean something else on a node. */
async function importImage(node: NodeHandle, archive: string): Promise<void> {
  const child = node.spawn(['ctr', '--namespace', 'k8s.io', 'images', 'import', '-']);
  const said: Buffer[] = [];
  child.stdout?.resume();
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  if (child.stdin !== null) await pipeline(createReadStream(resolve(archive)), child.stdin).catch(() => {});
  const code = await ended;
  if (code !== 0) throw new Error(`${node.name} could not import ${archive}: ${Buffer.concat(said).toString().trim()}`);
}

async function referencesIn(archive: string): Promise<readonly string[]> {
  const text = await runOrThrow(['tar', '-xOf', archive, 'manifest.json']);
  const manifest = JSON.parse(text) as readonly { readonly RepoTags?: readonly string[] }[];
  return manifest.flatMap((image) => image.RepoTags ?? []);
}
