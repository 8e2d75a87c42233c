// A ResourceQuota on identities: how the API server says that it is used up, and what whoever waits is told.
import type { Refusal } from '../../domain/identity/reason.ts';
import { ApiError } from '../../kernel/kube/transport.ts';

/** The one 403 that a person may end, and that need not stop the others of the group. */
export function isOverQuota(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 403 && error.message.includes('exceeded quota');
}

export function quotaExceeded(message: string): Refusal {
  const remedy = 'Delete identities that nobody needs any more, or raise the quota.';
  return { reason: 'QuotaExceeded', message: `Its MacvlanIdentity cannot be made: ${message}.`, remedy };
}
