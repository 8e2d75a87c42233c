// Which problems are news: each is told once, some only when they do not go away by themselves, some with each attempt.
import type { ConditionType } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { ProblemStatus } from '../../api/v1alpha1/attachment-status.ts';
import { findCondition } from '../objects/conditions.ts';
import { steadyText } from '../steady-text.ts';
import { aspectOf } from './problem-order.ts';

/** A problem of these is the usual state of things for a moment; it is news after a while. */
const PATIENT_REASONS: ReadonlySet<string> = new Set(['NoNodeMatches', 'AgentSilent', 'NodeNotClean']);
/** Each attempt that meets one of these is told: the recorder counts them and writes once a minute at most. */
const ATTEMPT_REASONS: ReadonlySet<string> = new Set(['NameTaken', 'ApplyFailed']);
/** For so long nothing is said about them, in milliseconds. */
export const QUIET_MS = 60_000;

/** When a problem is told. */
export type Telling = 'Once' | 'OnceItLasts' | 'EachAttempt';

export function tellingOf(reason: string): Telling {
  if (PATIENT_REASONS.has(reason)) return 'OnceItLasts';
  return ATTEMPT_REASONS.has(reason) ? 'EachAttempt' : 'Once';
}

export interface Announcement {
  /** Tell these now. */
  readonly news: readonly ProblemStatus[];
  /** Keys of all problems that have been told by now; hand them in next time. */
  readonly told: ReadonlySet<string>;
  /** Milliseconds until a problem becomes news by lasting; nothing when none may. */
  readonly recheckMs: number | undefined;
}

/**
 * What to tell about the problems of an attachment.
 * @param told keys of the problems that have been told before; nothing when this process has not looked at it before
 */
export function announce(
  attachment: MacvlanAttachment,
  problems: readonly ProblemStatus[],
  told: ReadonlySet<string> | undefined,
  now: number,
): Announcement {
  // After a restart: what the status says has been told by whoever wrote it, and what has lasted by whoever was there then.
  const isOld = (problem: ProblemStatus) => isPlain(problem) || quietLeft(attachment, problem, now) === 0;
  const before = told ?? new Set((attachment.status?.problems ?? []).filter(isOld).map(keyOfProblem));
  const waits = problems.map((problem) => (isPlain(problem) ? 0 : quietLeft(attachment, problem, now)));
  const due = problems.filter((_, index) => waits[index] === 0);
  const left = waits.filter((ms) => ms > 0);
  return {
    news: due.filter((problem) => isAnotherAttempt(problem, told) || !before.has(keyOfProblem(problem))),
    told: new Set(due.map(keyOfProblem)),
    recheckMs: left.length === 0 ? undefined : Math.min(...left),
  };
}

/** What the controller was about when it met the problem; the event's `action`. */
export function actionFor(reason: string): string {
  const actions: Readonly<Record<ConditionType, string>> = {
    Accepted: 'Validating',
    Rendered: 'Rendering',
    ParentsReady: 'PreparingNodes',
    HostAccessReady: 'PreparingHostAccess',
    DhcpReady: 'GettingLeases',
    PodsConnected: 'ConnectingPods',
    Ready: 'Deleting',
    NoWarnings: 'LookingAtNodes',
  };
  return actions[aspectOf(reason)];
}

function isAnotherAttempt({ reason }: ProblemStatus, told: ReadonlySet<string> | undefined): boolean {
  return told !== undefined && ATTEMPT_REASONS.has(reason);
}

function isPlain(problem: ProblemStatus): boolean {
  return !PATIENT_REASONS.has(problem.reason);
}

/** How long the problem's condition still has to last, in milliseconds; 0 when it has lasted long enough. */
function quietLeft(attachment: MacvlanAttachment, { reason }: ProblemStatus, now: number): number {
  const condition = findCondition(attachment.status?.conditions, aspectOf(reason));
  const since = condition?.status === 'False' ? Date.parse(condition.lastTransitionTime) : now;
  return Math.min(QUIET_MS, Math.max(0, since + QUIET_MS - now));
}

function keyOfProblem({ reason, node, namespace, message }: ProblemStatus): string {
  return [reason, node ?? '', namespace ?? '', steadyText(message)].join('|');
}
