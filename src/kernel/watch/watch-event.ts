// The lines of a watch, and what the server says in band when it cannot go on.
import { ApiError } from '../kube/transport.ts';

/** The version we stand at is no longer known to the server: list again. */
export class Gone extends Error {}

/** One line of a watch. A bookmark's object holds nothing but a version. */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly object: WatchFailure };

interface WatchFailure {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

/** What an ERROR line means: `Gone` for 410, else an ApiError with the status inside. */
export function errorOf(failure: WatchFailure): Error {
  if (failure.code === 410) return new Gone(failure.message ?? 'too old resource version');
  const seconds = failure.details?.retryAfterSeconds;
  return new ApiError(`watch: ${failure.message ?? 'the server reported an error'}`, {
    status: failure.code ?? 500,
    ...(failure.reason === undefined ? {} : { reason: failure.reason }),
    ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }),
  });
}
