// With which settings a pod's link was made, and whether they are still those of its attachment.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { formatConfig } from '../attachment/network-definition.ts';

/** What the CNI configuration of a link said when it was made. */
export interface LinkSettings {
  /** The NIC that was asked for, by name or altname; nothing when CNI was to find one. */
  readonly master?: string;
  readonly mode: string;
  /** In bytes; nothing for the parent's. */
  readonly mtu?: number;
  /** Type of the IPAM plugin; empty for a link without addresses. */
  readonly ipam: string;
  /** Where the DHCP daemon listens; nothing for the plugin's default, and for other plugins. */
  readonly daemonSocket?: string;
  /** Types of the plugins that ran after macvlan. */
  readonly chained: readonly string[];
  /** All of it as text: equal settings, equal text. */
  readonly fingerprint: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The settings in a CNI configuration whose first plugin is macvlan; nothing for any other. */
export function parseSettings(config: unknown): LinkSettings | undefined {
  if (!isFields(config)) return undefined;
  const plugins = Array.isArray(config['plugins']) ? config['plugins'].filter(isFields) : [config];
  const [macvlan, ...chained] = plugins;
  if (macvlan?.['type'] !== 'macvlan') return undefined;
  const { master, mode, mtu, ipam } = macvlan;
  return {
    ...(typeof master === 'string' ? { master } : {}),
    mode: typeof mode === 'string' && mode !== '' ? mode : 'bridge',
    ...(typeof mtu === 'number' && mtu > 0 ? { mtu } : {}),
    ipam: isFields(ipam) && typeof ipam['type'] === 'string' ? ipam['type'] : '',
    ...(isFields(ipam) && typeof ipam['daemonSocketPath'] === 'string'
      ? { daemonSocket: ipam['daemonSocketPath'] }
      : {}),
    chained: chained.map((plugin) => String(plugin['type'])),
    fingerprint: JSON.stringify(plugins.map(withoutRequest).map(sorted)),
  };
}

/** The settings that a link made now would have. */
export function settingsOf(attachment: MacvlanAttachment): LinkSettings | undefined {
  return parseSettings(JSON.parse(formatConfig(attachment)));
}

/** What Multus writes into a configuration for one pod is no setting of the network. */
function withoutRequest({ args: _args, runtimeConfig: _runtime, ...plugin }: Fields): Fields {
  return plugin;
}

/** With keys in order, at every depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
