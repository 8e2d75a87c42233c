// Conditions of a status: one entry per aspect, with a time that moves only when the answer does.
import type { Condition } from '../../api/kube.ts';

/** What is to be said about one aspect; the time is worked out from what was said before. */
export interface ConditionInput {
  readonly type: string;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

/** Kubernetes refuses messages beyond this many characters. */
const MESSAGE_MAX = 32768;

/**
 * The list with `next` in the place of the old condition of that type, or at the end. `lastTransitionTime` stays unless
 * `status` differs from before. Other types are left as they are.
 * @param now milliseconds since 1970
 */
export function setCondition(old: readonly Condition[], next: ConditionInput, now: number): readonly Condition[] {
  const before = findCondition(old, next.type);
  const condition = conditionAfter(before, next, now);
  return before === undefined ? [...old, condition] : old.map((c) => (c === before ? condition : c));
}

/** The condition that follows `before`: the same time unless the status moved. */
export function conditionAfter(before: Condition | undefined, next: ConditionInput, now: number): Condition {
  const isSame = before !== undefined && before.status === next.status;
  return {
    type: next.type,
    status: next.status,
    reason: next.reason,
    message: next.message.slice(0, MESSAGE_MAX),
    lastTransitionTime: isSame ? before.lastTransitionTime : formatTime(now),
    ...(next.observedGeneration === undefined ? {} : { observedGeneration: next.observedGeneration }),
  };
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition is there and `True`. */
export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/** RFC 3339 with whole seconds, as the API server writes `metav1.Time`: finer text would differ after a round trip. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
