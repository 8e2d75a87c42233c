// Helm for the chart's tests: the version that the test cluster uses.
import { buildTools } from '../../cluster/binaries.ts';
import { printProgress } from '../../cluster/progress.ts';
import { helm } from '../../cluster/tools.ts';
import { type Outcome, run } from '../../support/run.ts';

export const CHART = 'charts/macvlan-operator';

/** Runs helm with these arguments; `kubeconfig` is needed by whatever talks to a cluster. */
export async function runHelm(args: readonly string[], kubeconfig = '/dev/null'): Promise<Outcome> {
  const { helm: program = 'helm' } = await buildTools([helm], printProgress());
  return run([program, ...args], {
    env: { KUBECONFIG: kubeconfig, HELM_CACHE_HOME: '/tmp', HELM_CONFIG_HOME: '/tmp' },
  });
}
