// The chart as every test installs it, and kubectl where it has to succeed.
import type { BuiltImage } from '../../scripts/image.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { OPERATOR_NAMESPACE } from './world.ts';

export const RELEASE = 'macvlan-operator';

/**
 * What follows `helm install` or `helm upgrade`: this folder's chart, with an image that is loaded into the nodes.
 * @param values more of the chart's values, as `name=value`
 */
export function chartArguments(
  { repository, tag }: Pick<BuiltImage, 'repository' | 'tag'>,
  ...values: readonly string[]
): readonly string[] {
  const all = [`image.repository=${repository}`, `image.tag=${tag}`, 'image.pullPolicy=Never', ...values];
  const where = ['--namespace', OPERATOR_NAMESPACE, '--create-namespace'];
  return [RELEASE, 'charts/macvlan-operator', ...where, ...all.flatMap((value) => ['--set', value])];
}

/** Runs kubectl, with `object` as its input where there is one; gives what it prints, and rejects with what it complains about. */
export async function kubectlOutput(cluster: Cluster, args: readonly string[], object?: object): Promise<string> {
  const options = object === undefined ? {} : { input: JSON.stringify(object) };
  const { code, stdout, stderr } = await cluster.kubectl(args, options);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}
