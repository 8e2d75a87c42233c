// What is told on a pod itself, as an event: that its link vanished, that it was made again, or why it was not.
import type { NodePod } from '../../api/v1alpha1/node-state.ts';

interface EventKind {
  readonly type: 'Normal' | 'Warning';
  readonly action: string;
  readonly meaning: string;
}

/** Reason → what was being done, and what it means in the words of docs/reference/events.md. */
export const POD_EVENTS = {
  PodGhost: {
    type: 'Warning',
    action: 'Watching',
    meaning: 'The link of the pod vanished, usually with its NIC; the pod runs on without it.',
  },
  RepairRefused: {
    type: 'Warning',
    action: 'Repairing',
    meaning: 'The link cannot be made again in place; the note says why.',
  },
  PodRepaired: { type: 'Normal', action: 'Repairing', meaning: 'The link was made again in the running pod.' },
  PodNeverAttached: {
    type: 'Warning',
    action: 'Attaching',
    meaning: 'The pod asks for an attachment and runs without ever having got a link.',
  },
  PodEvicted: {
    type: 'Normal',
    action: 'Evicting',
    meaning: 'The pod is evicted so that its owner makes a new one, as repair type Recreate asks for.',
  },
  EvictionRefused: {
    type: 'Warning',
    action: 'Evicting',
    meaning: 'A disruption budget stands against it, or the pod has no owner that would make a new one.',
  },
} as const satisfies Record<string, EventKind>;

export type PodReason = keyof typeof POD_EVENTS;

export interface PodNews {
  readonly reason: PodReason;
  readonly note: string;
}

/** What there is to tell about the state of one link; nothing where all is well. */
export function newsOf({ attachment, state, problem, interface: link }: NodePod): PodNews | undefined {
  const on = `on the attachment ${attachment}`;
  if (state === 'NeverAttached') {
    const note = `The pod runs without a link ${on}: Multus was not asked when it was started. Delete it, so that a new one is attached.`;
    return { reason: 'PodNeverAttached', note };
  }
  if (state === 'Repaired') {
    const note = `The link ${link} ${on} was made again, with the same addresses.`;
    return { reason: 'PodRepaired', note };
  }
  if (state !== 'Ghost') return undefined;
  if (problem !== undefined) {
    const note = `${problem.message}${problem.remedy === undefined ? '' : ` ${problem.remedy}`}`;
    return { reason: 'RepairRefused', note };
  }
  const note = `The link ${link} ${on} vanished, usually because its NIC did; the pod runs on without it.`;
  return { reason: 'PodGhost', note };
}

/** Whether the news is about the present: a repair is told by whoever saw the ghost, not by everybody who comes later. */
export function isNews(link: NodePod, told: ReadonlyMap<string, string> | undefined): boolean {
  const before = told?.get(keyOfNews(link));
  if (link.state === 'Repaired') return before !== undefined && before !== stateOfNews(link);
  return before !== stateOfNews(link);
}

/** What has been told once these were. */
export function toldAfter(links: readonly NodePod[]): ReadonlyMap<string, string> {
  return new Map(links.map((link) => [keyOfNews(link), stateOfNews(link)]));
}

function keyOfNews({ uid, attachment, interface: link }: NodePod): string {
  return `${uid}/${attachment}/${link}`;
}

function stateOfNews({ state, problem }: NodePod): string {
  return `${state} ${problem?.message ?? ''}`;
}
