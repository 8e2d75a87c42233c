// The supervisor's environment variables, read once; the only place of this process that knows about them.
import { join } from 'node:path';
import process from 'node:process';
import { DHCP_FOLDER, DHCP_SOCKET } from '../api/names.ts';
import { CONTROL_SOCKET } from '../domain/dhcp/protocol.ts';

export interface Options {
  /** LOG_LEVEL: default info. */
  readonly logLevel: string;
  /** HOST_PREFIX: where the node's root is seen from here; the daemon puts it before every path of the node. Default /host. */
  readonly hostPrefix: string;
  /** DHCP_PLUGIN: the CNI plugin `dhcp`, which is also the daemon; default cni/dhcp beside the program. */
  readonly plugin: string;
  /** NETLINK_ADDON: the compiled addon; default netlink.node beside the program. */
  readonly addonPath: string;
  /** MULTUS_RESULTS_PATH: Multus' result cache as seen from here; default below the prefix. */
  readonly resultsPath: string;
  /** Where the daemon listens, as seen from here. */
  readonly socketPath: string;
  /** Where the agent asks. */
  readonly controlPath: string;
}

export function readOptions(env: Readonly<Record<string, string | undefined>> = process.env): Options {
  const hostPrefix = env['HOST_PREFIX'] ?? '/host';
  return {
    logLevel: env['LOG_LEVEL'] ?? 'info',
    hostPrefix,
    plugin: env['DHCP_PLUGIN'] ?? join(import.meta.dirname, 'cni/dhcp'),
    addonPath: env['NETLINK_ADDON'] ?? join(import.meta.dirname, 'netlink.node'),
    resultsPath: env['MULTUS_RESULTS_PATH'] ?? `${hostPrefix}/var/lib/cni/multus/results`,
    socketPath: `${hostPrefix}${DHCP_SOCKET}`,
    controlPath: `${hostPrefix}${DHCP_FOLDER}/${CONTROL_SOCKET}`,
  };
}
