// Process 3: beside the stock DHCP daemon of a node, which it starts and ends with. It has no credentials of the cluster.
import process from 'node:process';
import { loadAddon } from '../agent/netlink/addon.ts';
import { DHCP_SOCKET } from '../api/names.ts';
import { monotonicClock, systemClock } from '../kernel/process/clock.ts';
import { background, type Part, runProcess } from '../kernel/process/lifecycle.ts';
import { createLogger } from '../kernel/process/logger.ts';
import { ClientCache } from './client-cache.ts';
import { Control } from './control.ts';
import { Daemon } from './daemon.ts';
import { readOptions } from './options.ts';
import { Plugin } from './plugin.ts';
import { PodLinks } from './pod-links.ts';
import { staysBound } from './socket-watch.ts';
import { Supervisor } from './supervisor.ts';

// The daemon's socket and ours are root's alone, whatever the runtime leaves to a container: who may talk to them moves leases of pods.
process.umask(0o077);

const options = readOptions();
const logger = createLogger({ name: 'macvlan-dhcp', level: options.logLevel });
const addon = loadAddon(options.addonPath);
const supervisor: Supervisor = new Supervisor({
  cache: new ClientCache(options.resultsPath, options.hostPrefix),
  plugin: new Plugin(options.plugin, options.socketPath),
  links: new PodLinks(addon, options.hostPrefix),
  onReport: (report) => control.tell(report),
  clock: systemClock,
  logger,
});
const control = new Control(options.controlPath, () => supervisor);
const daemon = new Daemon({
  plugin: options.plugin,
  hostPrefix: options.hostPrefix,
  socket: DHCP_SOCKET,
  onLine: (line) => supervisor.hear(line),
  addon,
  clock: monotonicClock,
});

// Without its daemon this process has nothing to do: it ends, and the kubelet starts both anew.
const daemonPart: Part = {
  name: 'daemon',
  start: ({ fail }) => daemon.start((how) => fail(new Error(`the DHCP daemon ${how}`))),
  stop: () => daemon.stop(),
};

// One that outlives us would renew leases that its successor renews, too.
process.once('exit', () => daemon.kill());

await runProcess({
  logger,
  parts: [
    daemonPart,
    staysBound(options.socketPath, monotonicClock),
    // Who asks before the first look would be told that nobody needs the daemon.
    background({ name: 'leases', run: (signal) => supervisor.run(signal), ready: () => supervisor.looked }),
    { name: 'control', start: () => control.start(), stop: () => control.stop() },
    staysBound(options.controlPath, monotonicClock),
  ],
});
