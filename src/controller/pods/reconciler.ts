// One pod of one node: told on the pod what its node's agent says of its links, and evicted where the attachment asks for that.
import { type KubeObject, POD, type Pod } from '../../api/kube.ts';
import type { MacvlanNodeState, NodePod } from '../../api/v1alpha1/node-state.ts';
import { isOfEarlierBoot } from '../../domain/earlier-boot.ts';
import type { IsForeign } from '../../domain/pod/attached.ts';
import { agrees, isEvictionDue, judgeEviction } from '../../domain/pod/eviction.ts';
import { isNews, newsOf, POD_EVENTS, type PodNews, toldAfter } from '../../domain/pod/pod-news.ts';
import type { Answer, Reconcile } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { EventRecorder } from '../../kernel/kube/events.ts';
import { ApiError } from '../../kernel/kube/transport.ts';
import { type Clock, monotonicClock } from '../../kernel/process/clock.ts';
import type { Logger } from '../../kernel/process/logger.ts';
import type { Stores } from '../stores.ts';
import { parsePodKey } from './keys.ts';

/** At most one eviction per so many milliseconds, in the whole cluster: new pods want to be up before the next ones go. */
const EVICTION_INTERVAL_MS = 2000;
/** What a disruption budget forbade is asked again after this, in milliseconds. */
const BUDGET_PAUSE_MS = 10_000;
const DONE: Answer = { type: 'done' };

export interface PodPorts {
  readonly client: Pick<KubeClient, 'get' | 'post'>;
  readonly stores: Pick<Stores, 'nodeStates' | 'attachments' | 'nodes'>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Default: no NAD is. */
  readonly isForeign?: IsForeign;
}

/** Keys are those of `keys.ts`. */
export function reconcilePod(ports: PodPorts): Reconcile {
  const { client, stores } = ports;
  const told = new Map<string, ReadonlyMap<string, string>>();
  const turn = evictionsInTurn(ports.clock ?? monotonicClock);
  return async (key, signal) => {
    const { node, namespace, name } = parsePodKey(key);
    const state = stateOf(stores, node);
    const links = linksOf(state, namespace, name);
    const news = links.filter((link) => isNews(link, told.get(key)));
    if (links.length === 0) told.delete(key);
    else told.set(key, toldAfter(links));
    const due = links.find((link) => isEvictionDue(link, stores.attachments.get(link.attachment), state));
    if (news.length === 0 && due === undefined) return DONE;
    // Many may wait at once, each for its turn: the pod is read when it has come.
    const waitMs = due === undefined ? 0 : turn.wait();
    if (news.length === 0 && waitMs > 0) return { type: 'later', ms: waitMs };
    const pod = await client.get(POD, { namespace, name }, signal);
    if (pod === undefined || !links.every((link) => agrees(pod, link, node))) return DONE;
    for (const link of news) tell(ports, pod, newsOf(link));
    const verdict = due === undefined ? 'Leave' : judgeEviction(pod, due, ports.isForeign);
    if (verdict === 'Orphan' && news.length > 0) tell(ports, pod, ORPHAN);
    return verdict === 'Evict' ? evictInTurn(ports, pod, turn, signal) : DONE;
  };
}

interface Turn {
  /** How long to wait, in milliseconds; 0 when somebody may evict now. */
  wait(): number;
  /** Whether it is the caller's turn, which it then has had. */
  take(): boolean;
}

function evictionsInTurn(clock: Clock): Turn {
  let next = Number.NEGATIVE_INFINITY;
  const wait = () => Math.max(0, next - clock.now());
  const take = () => {
    if (wait() > 0) return false;
    next = clock.now() + EVICTION_INTERVAL_MS;
    return true;
  };
  return { wait, take };
}

/** What the node's agent says of this boot of it: links from before are gone, and pods get others. */
function stateOf({ nodeStates, nodes }: PodPorts['stores'], node: string): MacvlanNodeState | undefined {
  const state = nodeStates.get(node);
  return isOfEarlierBoot(state, nodes.get(node)) ? undefined : state;
}

/** Links of the pod with something to tell or to do. */
function linksOf(state: MacvlanNodeState | undefined, namespace: string, name: string): readonly NodePod[] {
  const pods = state?.status?.pods ?? [];
  return pods.filter((link) => link.namespace === namespace && link.name === name && newsOf(link) !== undefined);
}

const ORPHAN: PodNews = {
  reason: 'EvictionRefused',
  note: 'The pod has no owner that would make a new one, so it is not evicted. Delete it and make it again yourself.',
};

/** By the eviction API: disruption budgets hold, and the pod ends as in a drain. */
async function evictInTurn(ports: PodPorts, pod: Pod, turn: Turn, signal: AbortSignal): Promise<Answer> {
  if (!turn.take()) return { type: 'later', ms: turn.wait() };
  const { namespace = '', name, uid = '' } = pod.metadata;
  const body: KubeObject & { readonly deleteOptions: object } = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: { preconditions: { uid } },
  };
  try {
    await ports.client.post(POD, { namespace, name }, { subresource: 'eviction', body, signal });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Another pod of that name by now.
    if (error.status === 409) return DONE;
    if (error.status !== 429) throw error;
    tell(ports, pod, { ...ORPHAN, note: `The pod cannot be evicted now, and is asked for again: ${error.message}` });
    return { type: 'later', ms: BUDGET_PAUSE_MS };
  }
  ports.logger.info({ namespace, pod: name }, 'evicted a pod whose link vanished');
  const note = 'Evicted, so that a new pod gets the link that this one has lost.';
  tell(ports, pod, { reason: 'PodEvicted', note });
  return DONE;
}

function tell({ events }: PodPorts, pod: Pod, news: PodNews | undefined): void {
  if (news === undefined) return;
  const regarding = { ...pod, apiVersion: POD.apiVersion, kind: POD.kind };
  const { reason, note } = news;
  const { type, action } = POD_EVENTS[reason];
  events.record({ regarding, type, reason, action, note });
}
