// The agent's core inside a network namespace: real netlink, stores filled over stdin, and an API server that only remembers.
import { createInterface } from 'node:readline';
import { type AgentOptions, createAgent } from '../../../src/agent/agent.ts';
import { DhcpClient } from '../../../src/agent/dhcp/dhcp-client.ts';
import { loadAddon } from '../../../src/agent/netlink/addon.ts';
import { readArpListeners } from '../../../src/agent/netlink/arp-listeners.ts';
import { listen } from '../../../src/agent/netlink/events.ts';
import { Lan } from '../../../src/agent/netlink/lan.ts';
import { LinkSettings } from '../../../src/agent/netlink/link-settings.ts';
import { NetlinkNetwork } from '../../../src/agent/netlink/network.ts';
import { ResultCache } from '../../../src/agent/pods/result-cache.ts';
import { Sandboxes } from '../../../src/agent/pods/sandboxes.ts';
import { MacFilterProbe } from '../../../src/agent/probe/mac-filter-probe.ts';
import { createStores } from '../../../src/agent/stores.ts';
import type { KubeObject, Node, Pod } from '../../../src/api/kube.ts';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import type { MacvlanNodeState } from '../../../src/api/v1alpha1/node-state.ts';
import { monotonicClock } from '../../../src/kernel/process/clock.ts';
import { createLogger } from '../../../src/kernel/process/logger.ts';
import type { Store } from '../../../src/kernel/watch/store.ts';
import { WrittenLinks } from './written-links.ts';

/** What the test says, one JSON object per line. */
export type Command =
  | { readonly op: 'put'; readonly kind: 'attachment' | 'pod' | 'node' | 'state'; readonly object: KubeObject }
  | { readonly op: 'remove'; readonly kind: 'attachment' | 'pod' | 'state'; readonly key: string }
  | { readonly op: 'plugins'; readonly missing: readonly string[] }
  | {
      readonly op: 'start';
      readonly addon: string;
      readonly contest?: AgentOptions['contest'];
      readonly links: 'Real' | 'AsWritten';
    };

/** What the child says, one JSON object per line: each state that reached the API server. */
export interface Saying {
  readonly state: MacvlanNodeState;
}

export const NODE_NAME = 'node-a';

const stores = createStores();
const stop = new AbortController();
let missingPlugins: readonly string[] = [];
let version = 1;

function put(command: Extract<Command, { op: 'put' }>): void {
  const { object } = command;
  const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: String(version++) } };
  if (command.kind === 'attachment') stores.attachments.upsert(versioned as MacvlanAttachment);
  else if (command.kind === 'pod') stores.pods.upsert(versioned as Pod);
  else if (command.kind === 'node') stores.nodes.upsert(versioned as Node);
  else stores.states.upsert(versioned);
}

function remove(command: Extract<Command, { op: 'remove' }>): void {
  const store = { attachment: stores.attachments, pod: stores.pods, state: stores.states }[command.kind];
  (store as Store<KubeObject>).remove(command.key);
}

/** Stores like an API server: the watch repeats what was written. */
const client: AgentOptions['client'] = {
  async create(_kind, object) {
    put({ op: 'put', kind: 'state', object });
    return object;
  },
  async apply<T extends KubeObject>(_kind: unknown, object: object): Promise<T> {
    const before = stores.states.get(NODE_NAME) ?? { metadata: { name: NODE_NAME } };
    put({ op: 'put', kind: 'state', object: { ...before, ...object } as KubeObject });
    const state = stores.states.get(NODE_NAME) as MacvlanNodeState;
    process.stdout.write(`${JSON.stringify({ state } satisfies Saying)}\n`);
    return state as unknown as T;
  },
};

function start(command: Extract<Command, { op: 'start' }>): void {
  const addon = loadAddon(command.addon);
  const control = process.env['DHCP_CONTROL_PATH'];
  const dhcp = control === undefined ? undefined : new DhcpClient(control, monotonicClock);
  const sandboxes = new Sandboxes(addon, '/run/netns', dhcp);
  const real = { cache: new ResultCache('/run/var-lib/cni/results'), sandboxes };
  const agent = createAgent({
    nodeName: NODE_NAME,
    bootId: '00000000-0000-4000-8000-000000000001',
    version: '0.0.0-test',
    stores,
    client,
    network: new NetlinkNetwork(addon),
    plugins: { missing: async (wanted) => wanted.filter((name) => missingPlugins.includes(name)) },
    podLinks: command.links === 'AsWritten' ? new WrittenLinks(stores.pods, stores.attachments) : real,
    ...(dhcp === undefined ? {} : { dhcp }),
    lan: new Lan(addon, monotonicClock),
    probe: new MacFilterProbe(addon, new LinkSettings()),
    arpListeners: () => readArpListeners(),
    listen: (onHint) => listen(addon, onHint),
    clock: monotonicClock,
    logger: createLogger({ name: 'agent', level: process.env['LOG_LEVEL'] ?? 'warn', stream: process.stderr }),
    ...(command.contest === undefined ? {} : { contest: command.contest }),
  });
  void agent.run(stop.signal).then(() => process.exit(0));
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  if (command.op === 'put') put(command);
  else if (command.op === 'remove') remove(command);
  else if (command.op === 'plugins') missingPlugins = command.missing;
  else start(command);
}
// End of input: the orderly end of the agent.
stop.abort();
