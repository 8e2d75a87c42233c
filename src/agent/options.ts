// The agent's environment variables, read once; the only place of the agent that knows about them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { DHCP_FOLDER } from '../api/names.ts';
import { CONTROL_SOCKET } from '../domain/dhcp/protocol.ts';

export interface Options {
  /** NODE_NAME: the node that this agent looks after. */
  readonly nodeName: string;
  /** LOG_LEVEL: default info. */
  readonly logLevel: string;
  /** HEALTH_PORT and METRICS_PORT, on the loopback address: the agent shares the node's network. */
  readonly healthPort: number;
  readonly metricsPort: number;
  /** CNI_BIN_PATH: where the node's CNI plugins are seen from here. */
  readonly cniBinPath: string;
  /** MULTUS_RESULTS_PATH: where Multus' result cache on the node is seen from here. */
  readonly multusResultsPath: string;
  /** NETNS_PATH: where the node's /run/netns is seen from here. */
  readonly netnsPath: string;
  /** CGROUP_PATH: where the node's /sys/fs/cgroup is seen from here. */
  readonly cgroupPath: string;
  /** POD_UID: uid of the agent's own pod; without it, nothing is said of pods that are gone. */
  readonly podUid: string;
  /** NET_SETTINGS_PATH: where the node's /proc/sys/net is seen from here, writable. */
  readonly netSettingsPath: string;
  /** DHCP_CONTROL_PATH: the socket of the node's DHCP supervisor, as seen from here. */
  readonly dhcpControlPath: string;
  /** NETLINK_ADDON: the compiled addon; default netlink.node beside the program. */
  readonly addonPath: string;
  /** The kernel's id of this boot. */
  readonly bootId: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws with a sentence when something that has no default is missing, or a port is no port. */
export function readOptions(env: Environment = process.env, bootIdPath = '/proc/sys/kernel/random/boot_id'): Options {
  const nodeName = env['NODE_NAME'] ?? '';
  if (nodeName === '')
    throw new Error('NODE_NAME is not set: it has to be the name of the node that the agent runs on');
  return {
    nodeName,
    logLevel: env['LOG_LEVEL'] ?? 'info',
    healthPort: portFrom(env, 'HEALTH_PORT', 8080),
    metricsPort: portFrom(env, 'METRICS_PORT', 8081),
    cniBinPath: env['CNI_BIN_PATH'] ?? '/host/cni/bin',
    multusResultsPath: env['MULTUS_RESULTS_PATH'] ?? '/host/cni/multus/results',
    netnsPath: env['NETNS_PATH'] ?? '/host/run/netns',
    cgroupPath: env['CGROUP_PATH'] ?? '/host/sys/fs/cgroup',
    podUid: env['POD_UID'] ?? '',
    netSettingsPath: env['NET_SETTINGS_PATH'] ?? '/host/proc/sys/net',
    dhcpControlPath: env['DHCP_CONTROL_PATH'] ?? `/host${DHCP_FOLDER}/${CONTROL_SOCKET}`,
    addonPath: env['NETLINK_ADDON'] ?? join(import.meta.dirname, 'netlink.node'),
    bootId: readFileSync(bootIdPath, 'utf8').trim(),
  };
}

function portFrom(env: Environment, name: string, fallback: number): number {
  const text = env[name];
  if (text === undefined || text === '') return fallback;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new Error(`${name} is no port: ${text}`);
}
