// Finalizers: put on before the first effect, taken off after the last one is undone. Both steps hold only for the version
// of the object that the decision was made about.
import type { Kind, KubeObject } from '../../api/kube.ts';
import type { JsonPatchOperation, KubeClient } from './client.ts';
import { ApiError } from './transport.ts';

/** True when the finalizer is on the object. */
export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * Puts a finalizer on. Resolves with the new object, the same one when it was on already, or undefined when the object is
 * gone. Rejects with an ApiError of status 409 when the object has changed since.
 */
export async function addFinalizer<T extends KubeObject>(
  client: Pick<KubeClient, 'jsonPatch'>,
  kind: Kind<T>,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  if (hasFinalizer(object, finalizer)) return object;
  const first = (object.metadata.finalizers ?? []).length === 0;
  return patch(client, kind, object, [
    first
      ? { op: 'add', path: '/metadata/finalizers', value: [finalizer] }
      : { op: 'add', path: '/metadata/finalizers/-', value: finalizer },
  ]);
}

/**
 * Takes a finalizer off, which ends a deletion that waits for it. Resolves with the object as it then is, or undefined when
 * it is gone, which is as good. Rejects with an ApiError of status 409 when the object has changed since.
 */
export async function removeFinalizer<T extends KubeObject>(
  client: Pick<KubeClient, 'jsonPatch'>,
  kind: Kind<T>,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  const index = object.metadata.finalizers?.indexOf(finalizer) ?? -1;
  if (index < 0) return object;
  return patch(client, kind, object, [{ op: 'remove', path: `/metadata/finalizers/${index}` }]);
}

async function patch<T extends KubeObject>(
  client: Pick<KubeClient, 'jsonPatch'>,
  kind: Kind<T>,
  object: T,
  steps: readonly JsonPatchOperation[],
): Promise<T | undefined> {
  const version = object.metadata.resourceVersion;
  if (version === undefined) throw new Error(`a finalizer of ${object.metadata.name} needs an object that was read`);
  const test: JsonPatchOperation = { op: 'test', path: '/metadata/resourceVersion', value: version };
  try {
    return await client.jsonPatch(kind, object.metadata, [test, ...steps]);
  } catch (error) {
    // The server reports a failed test as an invalid request. For whoever reads the log it is what it is: a conflict.
    if (error instanceof ApiError && isFailedTest(error)) {
      throw new ApiError(error.message, { status: 409, reason: 'Conflict' });
    }
    throw error;
  }
}

/** Of a failed test the answer names nothing; who refuses the object itself names it, or says why. */
function isFailedTest({ status, body }: ApiError): boolean {
  if (status !== 422) return false;
  const { message, details } = (body ?? {}) as { readonly message?: unknown; readonly details?: unknown };
  const isNameless = Object.keys((details ?? {}) as object).length === 0;
  return isNameless && message === 'the server rejected our request due to an error in our request';
}
