// What the uninstall hook says at its end. Helm shows it to whoever ran `helm uninstall`, so it has to say what to do next.
import { ANNOTATION_FORCE } from '../../api/names.ts';
import type { AttachedPodOf } from '../../domain/attachment/uninstall.ts';
import type { UninstallOptions } from './options.ts';

const PODS_SHOWN = 20;
const HANDBOOK = 'docs/operations/uninstall.md';

export function refused(pods: readonly AttachedPodOf[]): readonly string[] {
  const shown = pods
    .slice(0, PODS_SHOWN)
    .map((pod) => `  ${pod.namespace}/${pod.name} on ${pod.attachment} (${pod.node})`);
  return [
    'REFUSED: these pods are attached, and nothing has been removed:',
    ...shown,
    ...(pods.length > PODS_SHOWN ? [`  and ${pods.length - PODS_SHOWN} more`] : []),
    'Either delete them (or scale down what makes them), and run helm uninstall again.',
    'Or let go of them: they keep their links until they end, but nothing looks after these any more. Then first run',
    `  kubectl annotate macvlanattachments --all ${ANNOTATION_FORCE}=true`,
    `and helm uninstall again (chart value uninstall.whilePodsAttached=Force, set beforehand, does the same).`,
    'To keep the operator instead, tell Helm that the release is not being uninstalled: helm rollback RELEASE',
  ];
}

export function gaveUp(forWhat: readonly string[], { namespace, timeoutMs }: UninstallOptions): readonly string[] {
  return [
    `GAVE UP after ${timeoutMs / 1000} s. Still there:`,
    ...forWhat.map((what) => `  ${what}`),
    `Is the controller at work? kubectl -n ${namespace} logs deployment/macvlan-controller`,
    `If it is, run helm uninstall again. If it cannot be brought back: ${HANDBOOK}, "When the controller is broken".`,
  ];
}

export function farewell(away: readonly string[]): readonly string[] {
  if (away.length === 0) return ['done: no attachment is left, and nothing of one on any node'];
  return [
    `done, but for nodes that are not Ready: ${away.join(', ')}`,
    `What is left there, and how it goes: ${HANDBOOK}, "Nodes that were away".`,
  ];
}
