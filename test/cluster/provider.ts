// What a suite may ask of a cluster, whoever provides it: nodes in namespaces of this machine (netns), or kind's containers.
import type { ChildProcess } from 'node:child_process';
import type { Outcome, RunOptions } from '../support/run.ts';
import type { KubectlOptions } from './control-plane.ts';
import type { Lease, NicOptions } from './lan.ts';

/** A place where commands run: a node, the LAN's switch, a client on the LAN. */
export interface Place {
  /** Runs a command there to its end; never rejects, see `code`. Nodes have the cluster's programs (ctr, runc) on PATH. */
  exec(argv: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Starts a command there; the child's pid is the command's own. Its output is piped. The caller ends it. */
  spawn(argv: readonly string[]): ChildProcess;
}

export interface NodeHandle extends Place {
  readonly name: string;
  /** Name and MAC that its LAN NIC has at the start. */
  readonly parent: string;
  readonly parentMac: string;
  /** The node's own address on the LAN, without prefix length. */
  readonly lanAddress: string;
  /** Its address on the management network (the node's InternalIP). */
  readonly address: string;
  /** Path of its network namespace. */
  readonly netns: string;
  /** Path of containerd's socket, as seen from this machine's mounts. */
  readonly containerdSocket: string;
  /** Path of the node's root file system, as seen from this machine's mounts: `${root}/opt/cni/bin` and so on. */
  readonly root: string;
  /** Takes the LAN NIC away, whatever its name is now. */
  unplug(): Promise<void>;
  /** Plugs a NIC in, by default one like at the start. */
  plug(options?: NicOptions): Promise<void>;
  /** Pid, in this machine's numbers, of a container of the CRI (`containerd://` before the id is allowed). */
  containerPid(id: string): Promise<number>;
  /** Cuts the node off from the API server and the other nodes, or takes that back. Its place on the LAN is not concerned. */
  setManagement(state: 'up' | 'down'): Promise<void>;
  /** Kills a program of the node with SIGKILL. It stays dead until the function that comes back starts it again. */
  crash(program: 'kubelet' | 'containerd'): Promise<() => Promise<void>>;
}

export interface Lan extends Place {
  readonly bridge: string;
  readonly router: string;
  /** The DHCP server's leases, parsed and as it writes them down. */
  dnsmasqLeases(): readonly Lease[];
  leases(): Promise<Outcome>;
  /** Has the DHCP server keep an address for a MAC address from now on. */
  reserve(mac: string, address: string): void;
  /** Path of its log, one line per DHCP message. */
  readonly dnsmasqLog: string;
}

export interface Client extends Place {
  readonly address: string;
  readonly interface: string;
}

export interface Cluster {
  readonly name: string;
  /** Path of a kubeconfig for an admin, good from this machine. */
  readonly kubeconfig: string;
  readonly nodes: readonly NodeHandle[];
  readonly lan: Lan;
  /** A machine on the LAN that is no node. */
  readonly client: Client;
  /** Path of the API server's audit log: one JSON line per request, level Metadata. */
  readonly auditLog: string;
  readonly stateDir: string;
  /** Paths of programs on this machine. `toolbox` is the static test program. */
  readonly kubectlPath: string;
  readonly helmPath: string;
  readonly toolbox: string;
  node(name: string): NodeHandle;
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<Outcome>;
  helm(args: readonly string[], options?: KubectlOptions): Promise<Outcome>;
  /** Imports a docker archive into every node; gives the references in it. */
  loadImage(archive: string): Promise<readonly string[]>;
  /** /proc/<pid>/status of a container on a node. */
  containerStatus(node: string, id: string): Promise<string>;
  /** Ends it; nothing of it is left. */
  down(): Promise<void>;
}
