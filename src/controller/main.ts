// Process 1: builds everything that the controller consists of, and runs it until it is told to stop. With the argument
// `uninstall` it is the chart's pre-delete hook instead.
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { KubeClient } from '../kernel/kube/client.ts';
import { InClusterCredentials, inClusterServer } from '../kernel/kube/in-cluster.ts';
import { type Credentials, type RequestObserver, Transport } from '../kernel/kube/transport.ts';
import { HealthServer } from '../kernel/process/health.ts';
import { runProcess } from '../kernel/process/lifecycle.ts';
import { createLogger } from '../kernel/process/logger.ts';
import { Metrics } from '../kernel/process/metrics.ts';
import { PROGRAM_VERSION } from '../kernel/process/version.ts';
import { createController, LEASE_NAME } from './controller.ts';
import { type Options, parseOptions } from './options.ts';
import { parseUninstallOptions } from './uninstall/options.ts';
import { uninstall } from './uninstall/uninstall.ts';

if (process.argv[2] === 'uninstall') process.exit((await uninstallAll()) ? 0 : 1);
else await serve(parseOptions());

async function serve(options: Options): Promise<never> {
  const logger = createLogger({ name: 'macvlan-controller', level: options.logLevel });
  const metrics = new Metrics({ lease: LEASE_NAME });
  const transport = await connect(options, metrics.requests);
  const app = createController({ client: new KubeClient(transport), options, logger, metrics, onLargeCluster });
  const health = new HealthServer({
    port: options.healthPort,
    metricsPort: options.metricsPort,
    ready: { watches: app.notReady },
    metrics: () => metrics.text(),
  });
  logger.info({ version: PROGRAM_VERSION, namespace: options.namespace }, 'macvlan controller');
  return runProcess({
    logger,
    parts: [
      { name: 'metrics', start: async () => metrics.start(), stop: async () => metrics.stop() },
      { name: 'health', start: () => health.start(), stop: () => health.stop() },
      { name: 'connections', start: async () => {}, stop: async () => transport.close() },
      ...app.parts,
    ],
  });
}

/**
 * The chart's flags have V8 collect garbage as soon as the heap has grown by a little, which keeps small clusters small. While tens of
 * thousands of objects are listed that would be a third of the time, each collection going through all that is there already.
 */
function onLargeCluster(): void {
  setFlagsFromString('--heap-growing-percent=60');
}

/** The chart's pre-delete hook. A person reads what it says, so it speaks in lines. */
function uninstallAll(): Promise<boolean> {
  const options = parseUninstallOptions();
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  return connect(options).then((transport) => uninstall({ client: new KubeClient(transport), options, say }));
}

async function connect(options: Pick<Options, 'kubeconfig'>, observer?: RequestObserver): Promise<Transport> {
  const userAgent = `macvlan-controller/${PROGRAM_VERSION}`;
  return new Transport(await credentialsFor(options), { observer, userAgent });
}

/** client-node is loaded only where a kubeconfig asks for it: it costs tens of megabytes. */
async function credentialsFor({ kubeconfig }: Pick<Options, 'kubeconfig'>): Promise<Credentials> {
  if (kubeconfig !== undefined) {
    const { KubeConfigCredentials } = await import('../kernel/kube/config.ts');
    return new KubeConfigCredentials({ path: kubeconfig });
  }
  const server = inClusterServer(process.env);
  if (server === undefined) throw new Error('not in a cluster: set KUBECONFIG');
  return new InClusterCredentials({ server });
}
