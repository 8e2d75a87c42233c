// What pods that ask for nothing pay for the operator: made on two API servers in turn, one with the chart and its controller.
import { type KubeObject, NAMESPACE as NAMESPACE_KIND, POD } from '../../src/api/kube.ts';
import type { KubeClient } from '../../src/kernel/kube/client.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { CHART, runHelm } from '../flow/chart/helm.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import type { ControllerProcess } from '../support/controller-process.ts';
import { clientFor } from '../support/kube.ts';
import { until } from '../support/until.ts';
import { type Bench, openBench } from './api-bench.ts';
import { startBenchController } from './controller.ts';
import { formatQuantiles, percentile, type Row } from './rows.ts';

const NAMESPACE = 'plain';
const ROUNDS = 400;
const WARM_UP = 50;
/** Every guard that there is: the most that a pod can meet. */
const VALUES = ['crds.install=false', 'guards.rawPins=Refuse', 'isolation.type=Namespace'];

interface Sort {
  readonly what: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Times as long as without the chart, at most. */
  readonly target: number;
}

const SORTS: readonly Sort[] = [
  { what: 'a plain pod', annotations: {}, target: 1.25 },
  {
    what: 'a pod on a network of others',
    annotations: { 'k8s.v1.cni.cncf.io/networks': '[{"name":"other","interface":"net5"}]' },
    target: 1.5,
  },
];

export async function harmlessRows(): Promise<readonly Row[]> {
  const planes = [await startControlPlane(), await startControlPlane()] as const;
  const [without, withChart] = planes;
  const bench = await openBench(withChart);
  let controller: ControllerProcess | undefined;
  try {
    await bench.prepare(NAMESPACE);
    controller = await installChart(bench, withChart);
    const clients = [clientFor(without), clientFor(withChart)] as const;
    await clients[0].create(NAMESPACE_KIND, { metadata: { name: NAMESPACE } });
    await makeInTurn(clients, {}, WARM_UP);
    const rows: Row[] = [];
    for (const sort of SORTS) rows.push(rowFor(sort, await makeInTurn(clients, sort.annotations, ROUNDS)));
    for (const { transport } of clients) transport.close();
    return rows;
  } finally {
    await controller?.stop();
    await bench.close();
    for (const plane of planes) await plane.stop();
  }
}

/** The chart's objects and a controller; resolves when the policies work. */
async function installChart({ client }: Bench, plane: ControlPlane): Promise<ControllerProcess> {
  const set = VALUES.flatMap((value) => ['--set', value]);
  const argv = ['install', 'operator', CHART, '-n', 'macvlan-system', '--create-namespace', ...set];
  const { code, stderr } = await runHelm(argv, plane.kubeconfig);
  if (code !== 0) throw new Error(stderr);
  await until('the policies to work', async () => {
    const abroad = pod({ 'k8s.v1.cni.cncf.io/networks': 'home/lan' });
    return (await client.create(POD, abroad).then(() => '', String)).includes('macvlan-isolation');
  });
  return startBenchController(plane);
}

/** Milliseconds of each creation: first without, then with the chart; who begins changes from pod to pod. */
async function makeInTurn(
  clients: readonly [KubeClient, KubeClient],
  annotations: Readonly<Record<string, string>>,
  rounds: number,
): Promise<readonly [number[], number[]]> {
  const times: readonly [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const object = pod(annotations);
      const started = performance.now();
      await clients[which].create(POD, object);
      times[which].push(performance.now() - started);
    }
  }
  return times;
}

let count = 0;

function pod(annotations: Readonly<Record<string, string>>): KubeObject & { readonly spec: object } {
  return {
    metadata: { name: `pod-${count++}`, namespace: NAMESPACE, annotations },
    spec: { containers: [{ name: 'main', image: 'none' }] },
  };
}

function rowFor({ what, target }: Sort, [without, withChart]: readonly [readonly number[], readonly number[]]): Row {
  const ratio = percentile(withChart, 0.5) / percentile(without, 0.5);
  return {
    work: `${what} made, with the chart and all its guards`,
    measured: formatQuantiles(withChart),
    floor: formatQuantiles(without),
    ratio: ratio.toFixed(2),
    target: `≤ ${target}`,
    met: ratio <= target,
  };
}
