// A pod's link with an address by DHCP, as CNI's result cache tells of it: all that the plugin has to be told to ask again.
import { DHCP_SOCKET } from '../../api/names.ts';
import { type Fields, fieldsOf, listOf, textOf } from '../objects/untyped.ts';

export interface CachedClient {
  readonly container: string;
  readonly network: string;
  readonly interface: string;
  /** Path of the pod's network namespace on the node. */
  readonly netns: string;
  /** `KEY=value;…`, as the runtime handed them to the plugin. */
  readonly cniArgs: string;
  /** The configuration of the plugin whose link it is. */
  readonly config: Readonly<Record<string, unknown>>;
  /** IPv4 address with prefix length; empty when the file tells none. */
  readonly address: string;
}

/**
 * The client that a cache file tells of; nothing when its address comes from elsewhere or the file makes no sense.
 * @param decode from base64 to text; may throw
 */
export function parseCachedClient(text: string, decode: (base64: string) => string): CachedClient | undefined {
  try {
    return clientFrom(fieldsOf(JSON.parse(text)), decode);
  } catch {
    return undefined;
  }
}

/** The plugin's configuration with another path to the daemon's socket: the one by which whoever calls it sees it. */
export function configFor({ config }: CachedClient, socketPath: string): string {
  return JSON.stringify({ ...config, ipam: { ...fieldsOf(config['ipam']), daemonSocketPath: socketPath } });
}

function clientFrom(file: Fields, decode: (base64: string) => string): CachedClient | undefined {
  const list = fieldsOf(JSON.parse(decode(textOf(file['config']))));
  const plugins = Array.isArray(list['plugins']) ? listOf(list['plugins']) : [list];
  const own = plugins.find((plugin) => isManaged(fieldsOf(plugin['ipam'])));
  const found = {
    container: textOf(file['containerId']),
    network: textOf(file['networkName']),
    interface: textOf(file['ifName']),
    netns: textOf(file['netns']),
  };
  if (own === undefined || Object.values(found).includes('')) return undefined;
  return {
    ...found,
    cniArgs: argumentsIn(file['cniArgs']),
    config: { ...own, name: found.network, cniVersion: textOf(list['cniVersion']) || '1.0.0' },
    address: addressIn(fieldsOf(file['result'])),
  };
}

/** Whether the operator's own daemon looks after it: NADs of ours name its socket. */
function isManaged(ipam: Fields): boolean {
  return ipam['type'] === 'dhcp' && ipam['daemonSocketPath'] === DHCP_SOCKET;
}

function argumentsIn(value: unknown): string {
  const pairs = Array.isArray(value) ? value.filter((pair) => Array.isArray(pair)) : [];
  return pairs.map((pair) => `${textOf(pair[0])}=${textOf(pair[1])}`).join(';');
}

/** The first IPv4 address with its prefix in the result of a plugin; empty when there is none. */
export function addressIn(result: Fields): string {
  return (
    listOf(result['ips'])
      .map((ip) => textOf(ip['address']))
      .find((address) => /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(address)) ?? ''
  );
}
