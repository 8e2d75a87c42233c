// `controller uninstall`, run by the chart's pre-delete hook: ends every attachment while controller and agents are still there
// to take it down. When it fails, Helm stops before it has removed anything.
import { NODE } from '../../api/kube.ts';
import { ANNOTATION_FORCE, LABEL_AGENT } from '../../api/names.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { NODE_STATE } from '../../api/v1alpha1/node-state.ts';
import {
  isHeldByPods,
  planUninstall,
  type UninstallFacts,
  type UninstallStep,
} from '../../domain/attachment/uninstall.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';
import { type Clock, sleep, systemClock } from '../../kernel/process/clock.ts';
import type { UninstallOptions } from './options.ts';
import { PodLooks } from './pods.ts';
import { farewell, gaveUp, refused } from './words.ts';

/** Pods that are just being deleted get this long to go, in milliseconds; then it is better to say so than to wait. */
const PODS_PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 1000;

export interface UninstallPorts {
  readonly client: KubeClient;
  readonly options: UninstallOptions;
  /** Tells a person how it goes; one line at a time. */
  readonly say: (line: string) => void;
  readonly clock?: Clock;
}

/** Resolves with whether nothing is left. Rejects when it has not the rights that it needs. */
export async function uninstall({ client, options, say, clock = systemClock }: UninstallPorts): Promise<boolean> {
  const started = clock.now();
  const tell = onlyNews(say);
  const looks = new PodLooks(client);
  for (;;) {
    const step = await nextStep({ client, options, looks }, clock.now());
    if (step.type === 'Done') {
      tell(farewell(step.away));
      return true;
    }
    if (step.type === 'Delete') tell([`deleting ${step.attachments.map(({ metadata }) => metadata.name).join(', ')}`]);
    else if (clock.now() - started >= limitFor(step, options)) {
      tell(step.type === 'WaitForPods' ? refused(step.pods) : gaveUp(step.forWhat, options));
      return false;
    } else {
      tell(waitingFor(step));
      await sleep(clock, LOOK_EVERY_MS);
    }
  }
}

/** One look, and what follows from it at once. An API server that does not answer for a moment is waited for. */
async function nextStep({ client, options, looks }: Sight, now: number): Promise<UninstallStep> {
  try {
    const step = await plan({ client, options, looks }, await gather(client, now));
    if (step.type === 'Delete') for (const attachment of step.attachments) await end(client, attachment, options);
    return step;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) throw error;
    return { type: 'Wait', forWhat: [`the API server: ${String(error)}`] };
  }
}

interface Sight extends Pick<UninstallPorts, 'client' | 'options'> {
  readonly looks: PodLooks;
}

/** Pods are asked only where it depends on them; and those that were found the last time first. */
async function plan({ options, looks }: Sight, facts: Omit<UninstallFacts, 'pods'>): Promise<UninstallStep> {
  const { whilePodsAttached } = options;
  const held = new Set(whilePodsAttached === 'Force' ? [] : facts.attachments.filter(isHeldByPods).map(nameOf));
  if (held.size === 0) return planUninstall({ ...facts, pods: new Map() }, whilePodsAttached);
  const step = planUninstall({ ...facts, pods: await looks.again() }, whilePodsAttached);
  if (step.type === 'WaitForPods') return step;
  return planUninstall({ ...facts, pods: await looks.everywhere(held) }, whilePodsAttached);
}

function nameOf({ metadata }: MacvlanAttachment): string {
  return metadata.name;
}

function limitFor(step: UninstallStep, { timeoutMs }: UninstallOptions): number {
  return step.type === 'WaitForPods' ? Math.min(PODS_PATIENCE_MS, timeoutMs) : timeoutMs;
}

async function gather(client: KubeClient, now: number): Promise<Omit<UninstallFacts, 'pods'>> {
  return {
    attachments: await unlessUnknown(() => client.list(ATTACHMENT)),
    nodes: (await client.list(NODE, { labelSelector: LABEL_AGENT })).items,
    states: await unlessUnknown(() => client.list(NODE_STATE)),
    now,
  };
}

/** Somebody may have deleted the CustomResourceDefinitions already. */
async function unlessUnknown<T>(list: () => Promise<{ readonly items: readonly T[] }>): Promise<readonly T[]> {
  try {
    return (await list()).items;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}

async function end(client: KubeClient, attachment: MacvlanAttachment, options: UninstallOptions): Promise<void> {
  const { name, uid } = attachment.metadata;
  if (options.whilePodsAttached === 'Force') {
    await client.mergePatch(ATTACHMENT, { name }, { metadata: { annotations: { [ANNOTATION_FORCE]: 'true' } } });
  }
  await client.delete(ATTACHMENT, { name }, { uid });
}

function waitingFor(step: Extract<UninstallStep, { type: 'Wait' | 'WaitForPods' }>): readonly string[] {
  if (step.type === 'Wait') return step.forWhat.map((what) => `waiting for ${what}`);
  return step.pods.map((pod) => `waiting for pod ${pod.namespace}/${pod.name} on ${pod.attachment}`);
}

/** Says lines that were not said the last time. */
function onlyNews(say: (line: string) => void): (lines: readonly string[]) => void {
  let last: readonly string[] = [];
  return (lines) => {
    for (const line of lines) if (!last.includes(line)) say(line);
    last = lines;
  };
}
