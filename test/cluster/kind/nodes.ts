// Nodes that are kind's containers: entered like any namespace, except that they have their own programs and their own numbers of
// processes, and that systemd runs kubelet and containerd.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOrThrow, searchPath } from '../../support/run.ts';
import type { Nodes, Way } from '../handles.ts';
import type { Instance } from '../instance.ts';
import { inside, ipBatch, type Space, spaceOf } from '../namespaces.ts';
import { statOf } from '../pid.ts';
import { Processes } from '../processes.ts';
import { AUDIT_LOG } from './config.ts';
import { ENGINE_SPACE } from './engine.ts';

const FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const OWN_PROC = [
  ...['unshare', '--mount', '--propagation', 'slave', '--'],
  ...['sh', '-c', 'mount -t proc proc /proc && exec "$0" "$@"'],
];
/** The NIC on Docker's network, by which a node reaches the others. */
const MANAGEMENT = 'eth0';

/** What the API server reads and writes of the harness's. */
export function apiFolderOf(instance: Instance): string {
  return join(instance.folder, 'api');
}

export function kindNodes(instance: Instance): Nodes {
  const space = (name: string) => spaceOf(new Processes(instance.folder), name);
  return {
    wayInto,
    pidOf: hostPid,
    setManagement: async ({ name }, state) => {
      const machine = new Processes(instance.folder).running(`space-${ENGINE_SPACE}`)?.pid ?? process.pid;
      const engine: Space = { name: ENGINE_SPACE, pid: machine, entry: ['net'] };
      await ipBatch(engine, [`link set ${await portOf(space(name), engine)} ${state}`]);
    },
    crash: async ({ name }, program) => {
      // Only the program itself, as a crash would; and not again while systemd would restart it.
      const unit = `${program}.service`;
      await inNode(space(name), ['systemctl', 'mask', '--runtime', unit]);
      await inNode(space(name), ['systemctl', 'kill', '--kill-who=main', '--signal=KILL', unit]);
      return async () => {
        await inNode(space(name), ['systemctl', 'unmask', '--runtime', unit]);
        await inNode(space(name), ['systemctl', 'start', unit]);
      };
    },
    auditLog: join(apiFolderOf(instance), AUDIT_LOG),
  };
}

/** Runs a command of the node in all its namespaces; throws when it fails. */
export async function inNode(node: Space, argv: readonly string[], input = ''): Promise<string> {
  const all: Space = { ...node, entry: ['net', 'mount', 'uts', 'pid'] };
  return runOrThrow(inside(all, argv), { input, env: { PATH: FOLDERS.join(':') } });
}

/** The other end of the node's NIC, on Docker's bridge: set down there, the node loses its carrier and none of its routes. */
async function portOf(node: Space, engine: Space): Promise<string> {
  const [nic] = JSON.parse(await inNode(node, ['ip', '-j', 'link', 'show', MANAGEMENT])) as readonly Link[];
  const links = JSON.parse(await runOrThrow(inside(engine, ['ip', '-j', 'link', 'show']))) as readonly Link[];
  const port = links.find(({ ifindex }) => ifindex === nic?.link_index);
  if (port === undefined) throw new Error(`${node.name} has no port on the network of its Docker engine`);
  return port.ifname;
}

interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly link_index?: number;
}

/**
 * A program that the node's image lacks (the standard one has no ping, and none has the test program) is the machine's, run in the
 * node's network. The others see the node's files. Those that are started keep their pid, so they cannot be among the node's processes;
 * they get a /proc that has them, since many a program looks for itself there.
 */
function wayInto(node: Space, program: string, use: 'Run' | 'Start'): Way {
  const places = program.startsWith('/') ? [program] : FOLDERS.map((folder) => join(folder, program));
  const root = `/proc/${node.pid}/root`;
  // Not followed: an absolute link would lead into this machine's files.
  const isThere = (place: string) => lstatSync(root + place, { throwIfNoEntry: false }) !== undefined;
  if (!places.some(isThere)) return { entry: ['net', 'uts'], path: searchPath() };
  const path = FOLDERS.join(':');
  return use === 'Run'
    ? { entry: ['net', 'mount', 'uts', 'pid'], path }
    : { entry: ['net', 'mount', 'uts'], path, before: OWN_PROC };
}

/** The process below the node's first one that has this number there. */
function hostPid(node: Space, pid: number): number {
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (numbersOf(entry)[1] === pid && descends(Number(entry), node.pid)) return Number(entry);
  }
  throw new Error(`${node.name} has no process ${pid}`);
}

/** A process's numbers, from this namespace inwards. */
function numbersOf(entry: string): readonly number[] {
  try {
    const line = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))?.[1] ?? '';
    return line.split(/\s+/).map(Number);
  } catch {
    return []; // it has ended
  }
}

function descends(pid: number, ancestor: number): boolean {
  for (let one = pid; one > 1; one = statOf(one)?.parent ?? 0) if (one === ancestor) return true;
  return false;
}
