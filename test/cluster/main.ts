// The test cluster on the command line: node test/cluster/main.ts up | down | status | build [--instance NAME]
// CLUSTER=kind before it: `up` makes it in kind, `build` prepares what that takes.
import { parseArgs } from 'node:util';
import { attachCluster, endCluster, startCluster } from './cluster.ts';
import { printProgress } from './progress.ts';
import { chosenProvider, providerOf } from './providers.ts';

const USAGE = 'usage: node test/cluster/main.ts up|down|status|build [--instance NAME]   (default instance: demo)';

const { values, positionals } = parseArgs({
  options: { instance: { type: 'string', default: 'demo' } },
  allowPositionals: true,
});
const verbs: Readonly<Record<string, (instance: string) => Promise<number>>> = { up, down, status, build };
const verb = verbs[positionals[0] ?? ''];
if (verb === undefined || positionals.length !== 1) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await verb(values.instance);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function up(instance: string): Promise<number> {
  if ((await status(instance)) === 0) return 0;
  const cluster = await startCluster({ instance });
  console.log(
    `export KUBECONFIG=${cluster.kubeconfig}\nexport PATH=${cluster.kubectlPath.replace(/\/kubectl$/, '')}:$PATH`,
  );
  return 0;
}

async function down(instance: string): Promise<number> {
  const had = await endCluster(instance);
  console.log(had ? `the cluster ${instance} has ended` : `there is no cluster ${instance}`);
  return 0;
}

async function status(instance: string): Promise<number> {
  const cluster = await attachCluster(instance).catch(() => undefined);
  if (cluster === undefined) {
    console.log(`there is no cluster ${instance} up`);
    return 3;
  }
  const nodes = await cluster.kubectl(['get', 'nodes', '-o', 'wide']);
  console.log(`${nodes.stdout}${nodes.stderr}KUBECONFIG=${cluster.kubeconfig}`);
  return nodes.code === 0 ? 0 : 1;
}

async function build(): Promise<number> {
  const programs = await providerOf(chosenProvider()).prepare(printProgress());
  console.log(`${Object.keys(programs).length} programs of the test cluster are ready`);
  return 0;
}
