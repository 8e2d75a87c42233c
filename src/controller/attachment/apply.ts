// Apply: the writes to NetworkAttachmentDefinitions. Nothing that somebody else made is ever touched.
import { NETWORK_ATTACHMENT_DEFINITION, type NetworkAttachmentDefinition } from '../../api/multus.ts';
import { MANAGER_CONTROLLER } from '../../api/names.ts';
import { isOurs, leftoversIn } from '../../domain/attachment/network-definition-metadata.ts';
import type { Outcome } from '../../domain/attachment/verdict.ts';
import { type Action, keyOf } from '../../domain/objects/diff.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';
import type { Logger } from '../../kernel/process/logger.ts';
import type { OwnWrites } from '../own-writes.ts';

type Nad = NetworkAttachmentDefinition;

/** What came of the writes, and the first error for whoever decides about trying again. */
export interface Applied extends Outcome {
  readonly error?: unknown;
}

export interface ApplierOptions {
  readonly client: KubeClient;
  readonly written: OwnWrites<Nad>;
  readonly logger: Logger;
}

/** Writes of one attachment at a time; it may want a NAD in each of a thousand namespaces. */
const AT_ONCE = 8;

export class Applier {
  readonly #options: ApplierOptions;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Carries out the actions. Each one that fails is told; none keeps the others from being tried. */
  async apply(actions: readonly Action<Nad>[], signal: AbortSignal): Promise<Applied> {
    const results: (Result | undefined)[] = [];
    const waiting = actions[Symbol.iterator]();
    const work = async () => {
      for (const action of waiting) results.push(await this.#attempt(action, signal));
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, actions.length) }, work));
    return summarise(results.filter((result) => result !== undefined));
  }

  async #attempt(action: Action<Nad>, signal: AbortSignal): Promise<Result | undefined> {
    const key = keyOf(action.object);
    const namespace = action.object.metadata.namespace ?? '';
    try {
      const isTaken = await this.#carryOut(action, key, signal);
      if (isTaken) return { namespace, type: 'taken' };
      this.#options.logger.debug({ nad: key, action: action.type, because: action.because }, 'wrote a NAD');
      return undefined;
    } catch (error) {
      const what = { create: 'creating', apply: 'applying', delete: 'deleting' }[action.type];
      return { namespace, type: 'failed', what: `${what} NetworkAttachmentDefinition ${key}`, error };
    }
  }

  /** True when the name is somebody else's. */
  async #carryOut(action: Action<Nad>, key: string, signal: AbortSignal): Promise<boolean> {
    if (action.type === 'create') return this.#create(action.object, key, signal);
    if (action.type === 'apply') {
      if (action.found !== undefined) await this.#takeOff(action.object, action.found, signal);
      await this.#apply(action.object, key, signal);
    } else await this.#delete(action.object, signal);
    return false;
  }

  /** Creating is the one step that the server refuses when the name is taken, so there is no moment to take over by mistake. */
  async #create(nad: Nad, key: string, signal: AbortSignal): Promise<boolean> {
    const { client, written } = this.#options;
    const there = written.get(key);
    if (there !== undefined && !isOurs(there)) return true;
    try {
      await written.through(key, () => client.create(NETWORK_ATTACHMENT_DEFINITION, nad, signal));
      return false;
    } catch (error) {
      if (!isConflict(error)) throw error;
      // The watch is behind. A list, since that is granted for the watch anyhow.
      const { namespace, name } = nad.metadata;
      const one = { namespace, fieldSelector: `metadata.name=${name}`, signal };
      const [found] = (await client.list(NETWORK_ATTACHMENT_DEFINITION, one)).items;
      if (found === undefined) throw error; // gone in between: the next try makes it
      if (!isOurs(found)) return true; // the watch is about to tell, and tells when it goes
      await this.#apply(nad, key, signal);
      return false;
    }
  }

  /** Our own object as a whole, so our fields are forced over whoever edited them; other fields stay. */
  async #apply(nad: Nad, key: string, signal: AbortSignal): Promise<void> {
    const { client, written } = this.#options;
    await written.through(key, () =>
      client.apply(NETWORK_ATTACHMENT_DEFINITION, nad, { manager: MANAGER_CONTROLLER, force: true, signal }),
    );
  }

  /**
   * Labels and annotations that an earlier spec asked for. Applying without them is not enough: who created the object owns
   * them too, and that was another kind of write.
   */
  async #takeOff(wanted: Nad, found: Nad, signal: AbortSignal): Promise<void> {
    const leftovers = leftoversIn(wanted, found);
    if (leftovers === undefined) return;
    const { client } = this.#options;
    const options = { manager: MANAGER_CONTROLLER, signal };
    await client.mergePatch(NETWORK_ATTACHMENT_DEFINITION, wanted.metadata, { metadata: leftovers }, options);
  }

  /** Only the very object that the decision was about: one made anew meanwhile may be somebody else's. */
  async #delete(nad: Nad, signal: AbortSignal): Promise<void> {
    const { uid } = nad.metadata;
    try {
      await this.#options.client.delete(NETWORK_ATTACHMENT_DEFINITION, nad.metadata, { uid, signal });
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

type Result =
  | { readonly type: 'taken'; readonly namespace: string }
  | { readonly type: 'failed'; readonly namespace: string; readonly what: string; readonly error: unknown };

function summarise(results: readonly Result[]): Applied {
  const taken = results.filter((result) => result.type === 'taken').map((result) => result.namespace);
  const failed = results.filter((result) => result.type === 'failed');
  const failures = failed.map(({ namespace, what, error }) => ({ namespace, message: `${what}: ${textOf(error)}` }));
  const [first] = failed;
  return {
    taken: taken.toSorted(),
    failures: failures.toSorted((a, b) => (a.namespace < b.namespace ? -1 : 1)),
    ...(first === undefined ? {} : { error: explain(first.what, first.error) }),
  };
}

/** What was being done, with the cause; a pause that the server asked for is kept for the queue. */
function explain(what: string, cause: unknown): Error {
  const pause =
    cause instanceof ApiError && cause.retryAfterMs !== undefined ? { retryAfterMs: cause.retryAfterMs } : {};
  return Object.assign(new Error(what, { cause }), pause);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
