// Process 2: the agent of one node. Puts the parts together, starts them in order, and stops them in reverse.
import process from 'node:process';
import { KubeClient } from '../kernel/kube/client.ts';
import { InClusterCredentials, inClusterServer } from '../kernel/kube/in-cluster.ts';
import { Transport } from '../kernel/kube/transport.ts';
import { monotonicClock as clock } from '../kernel/process/clock.ts';
import { HealthServer } from '../kernel/process/health.ts';
import { background, runProcess } from '../kernel/process/lifecycle.ts';
import { createLogger } from '../kernel/process/logger.ts';
import { Metrics } from '../kernel/process/metrics.ts';
import { PROGRAM_VERSION } from '../kernel/process/version.ts';
import { createAgent } from './agent.ts';
import { DhcpClient } from './dhcp/dhcp-client.ts';
import { registerLeaseMetrics } from './dhcp/metrics.ts';
import { NodeLock, partsInTurn } from './lock.ts';
import { registerHintMetrics, registerPodMetrics } from './metrics.ts';
import { loadAddon } from './netlink/addon.ts';
import { readArpListeners } from './netlink/arp-listeners.ts';
import { listen } from './netlink/events.ts';
import { MacFilters } from './netlink/filters.ts';
import { Lan } from './netlink/lan.ts';
import { LinkSettings } from './netlink/link-settings.ts';
import { NetlinkNetwork } from './netlink/network.ts';
import { readSocketOwners } from './netlink/socket-owner.ts';
import { readOptions } from './options.ts';
import { PluginDirectory } from './plugins.ts';
import { PodCgroups } from './pods/cgroups.ts';
import { ResultCache } from './pods/result-cache.ts';
import { Sandboxes } from './pods/sandboxes.ts';
import { MacFilterProbe } from './probe/mac-filter-probe.ts';
import { createStores, reflectorsFor } from './stores.ts';

const options = readOptions();
const logger = createLogger({ name: 'macvlan-agent', level: options.logLevel });
// Each sample wakes the process: on a thousand nodes, of which most have nothing to do, that counts.
const metrics = new Metrics({ prefix: 'macvlan_agent', loopResolutionMs: 2000 });

const server = inClusterServer(process.env);
if (server === undefined) throw new Error('not in a cluster: KUBERNETES_SERVICE_HOST is not set');
const transport = new Transport(new InClusterCredentials({ server }), {
  observer: metrics.requests,
  userAgent: `macvlan-agent/${PROGRAM_VERSION}`,
});
const client = new KubeClient(transport);

const stores = createStores();
const reflectors = reflectorsFor(options.nodeName, stores, { client, logger, clock, metrics });
registerPodMetrics(metrics.registry, () => stores.states.get(options.nodeName));
const countHint = registerHintMetrics(metrics.registry);
const addon = loadAddon(options.addonPath);
const settings = new LinkSettings(options.netSettingsPath);
const network = new NetlinkNetwork(addon, { settings });
const dhcp = new DhcpClient(options.dhcpControlPath, clock);
const agent = createAgent({
  ...options,
  version: PROGRAM_VERSION,
  stores,
  client,
  network,
  plugins: new PluginDirectory(options.cniBinPath),
  podLinks: {
    cache: new ResultCache(options.multusResultsPath),
    sandboxes: new Sandboxes(addon, options.netnsPath, dhcp, options.netSettingsPath),
  },
  dhcp,
  remains: { cgroups: new PodCgroups(options.cgroupPath, options.podUid), filters: new MacFilters(addon) },
  lan: new Lan(addon, clock),
  probe: new MacFilterProbe(addon, settings),
  arpListeners: () => readArpListeners(),
  listen: (onHint) =>
    listen(addon, (hint) => {
      countHint(hint);
      onHint(hint);
    }),
  clock,
  logger,
  metrics,
});

const lock = new NodeLock({ clock, logger, ownersOf: (name) => readSocketOwners(addon, name) });
registerLeaseMetrics(metrics.registry, { dhcp: () => dhcp.sight, links: () => agent.links });

const synced = Promise.all(reflectors.map((reflector) => reflector.synced));
const health = new HealthServer({
  port: options.healthPort,
  metricsPort: options.metricsPort,
  host: '127.0.0.1',
  ready: {
    lock: () => lock.problem,
    watches: () =>
      reflectors.every((reflector) => reflector.state() === 'synced') ? undefined : 'not all watches are in sync',
  },
  metrics: () => metrics.text(),
});

const { endpoints, turn } = partsInTurn({ lock, health, clock });

await runProcess({
  logger,
  clock,
  // Nothing is touched before every watch has seen everything (what is not known to be wanted would be taken down), nor while
  // another agent works on the node.
  parts: [
    endpoints,
    {
      name: 'metrics',
      start: async () => metrics.start(),
      stop: async () => metrics.stop(),
    },
    background({
      name: 'watches',
      run: (signal) => Promise.all(reflectors.map((reflector) => reflector.run(signal))).then(() => transport.close()),
      ready: () => synced,
    }),
    turn,
    background({ name: 'agent', run: (signal) => agent.run(signal) }),
  ],
});
