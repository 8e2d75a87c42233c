// Typed verbs of the API server over the transport. One call is one request (a long list is several pages); nothing is
// retried here, because the queue retries whole reconciles.
import type { Kind, KubeObject } from '../../api/kube.ts';
import { pathFor } from './path.ts';
import { ApiError, apiErrorFor, type Transport, type TransportRequest } from './transport.ts';

/** Which object: `namespace` is needed for namespaced kinds. */
export interface Key {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** One step of a JSON patch (RFC 6902). */
export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Objects per page; default 500. */
  readonly limit?: number;
}

export interface WriteOptions {
  readonly subresource?: 'status' | 'scale' | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ApplyOptions {
  /** The field manager: what it last applied and no longer sends is removed. */
  readonly manager: string;
  /** Take over fields that another manager owns. Only for objects that are ours as a whole. */
  readonly force?: boolean;
  readonly subresource?: 'status' | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DeleteOptions {
  /** Delete only this incarnation of the name; another one gives a conflict. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan' | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface ListBody<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

/** The API server's verbs. Every method rejects with an ApiError for an answer of 400 or more, unless it says otherwise. */
export class KubeClient {
  readonly transport: Transport;
  readonly #mayWrite: () => boolean;

  constructor(transport: Transport, options: { readonly mayWrite?: () => boolean } = {}) {
    this.transport = transport;
    this.#mayWrite = options.mayWrite ?? (() => true);
  }

  /**
   * The same client for work that only a leader may do: `mayWrite` is asked before each write, not only before a turn. A
   * process that was frozen in the middle of one wakes up with answers to read, and would go on writing upon them before its
   * timers tell it that somebody else leads by now.
   */
  fenced(mayWrite: () => boolean): KubeClient {
    return new KubeClient(this.transport, { mayWrite });
  }

  /** Reads one object; undefined when it is not there (or its kind is not). */
  async get<T extends KubeObject>(kind: Kind<T>, key: Key, signal?: AbortSignal): Promise<T | undefined> {
    return this.#unlessGone<T>({ method: 'GET', path: pathFor(kind, key), signal });
  }

  /** Reads a whole collection, page by page. A page token that expired starts the list again, once. */
  async list<T extends KubeObject>(kind: Kind<T>, opts: ListOptions = {}): Promise<ListResult<T>> {
    try {
      return await this.#listOnce(kind, opts);
    } catch (error) {
      if (error instanceof ApiError && error.status === 410) return this.#listOnce(kind, opts);
      throw error;
    }
  }

  /** One page of a collection; `continueToken` is empty on the last one. A token that expired rejects with status 410. */
  async listPage<T extends KubeObject>(kind: Kind<T>, opts: ListPageOptions): Promise<ListPage<T>> {
    const body = (await this.#send({
      method: 'GET',
      path: pathFor(kind, { namespace: opts.namespace }),
      query: {
        limit: opts.limit ?? 500,
        labelSelector: opts.labelSelector,
        fieldSelector: opts.fieldSelector,
        continue: opts.continueToken || undefined,
        resourceVersion: opts.resourceVersion,
      },
      signal: opts.signal,
    })) as ListBody<T>;
    return {
      items: (body.items ?? []).map((item) => withKind(kind, item)),
      resourceVersion: body.metadata?.resourceVersion ?? '',
      continueToken: body.metadata?.continue ?? '',
    };
  }

  /** Makes an object. A name that is taken rejects with status 409. */
  async create<T extends KubeObject>(kind: Kind<T>, object: T, signal?: AbortSignal): Promise<T> {
    const path = pathFor(kind, { namespace: object.metadata.namespace });
    return (await this.#send({ method: 'POST', path, body: withKind(kind, object), signal })) as T;
  }

  /** Writes the whole object. With `metadata.resourceVersion`, a write in between rejects with status 409. */
  async replace<T extends KubeObject>(kind: Kind<T>, object: T, signal?: AbortSignal): Promise<T> {
    const path = pathFor(kind, object.metadata);
    return (await this.#send({ method: 'PUT', path, body: withKind(kind, object), signal })) as T;
  }

  /**
   * Server-side apply: `object` holds exactly the fields that `manager` owns, with its name. It is made when missing.
   * A field that another manager owns rejects with status 409, unless `force`.
   */
  async apply<T extends KubeObject>(kind: Kind<T>, object: object, opts: ApplyOptions): Promise<T> {
    const body = withKind(kind, object as KubeObject);
    return (await this.#send({
      method: 'PATCH',
      path: pathFor(kind, { ...body.metadata, subresource: opts.subresource }),
      query: { fieldManager: opts.manager, force: opts.force === true ? true : undefined },
      contentType: 'application/apply-patch+yaml', // JSON is YAML
      body,
      signal: opts.signal,
    })) as T;
  }

  /** JSON patch; undefined when the object is gone. A failed `test` rejects with status 422. */
  async jsonPatch<T extends KubeObject>(
    kind: Kind<T>,
    key: Key,
    ops: readonly JsonPatchOperation[],
    opts: WriteOptions = {},
  ): Promise<T | undefined> {
    const path = pathFor(kind, { namespace: key.namespace, name: key.name, subresource: opts.subresource });
    const contentType = 'application/json-patch+json';
    return this.#unlessGone<T>({ method: 'PATCH', path, contentType, body: ops, signal: opts.signal });
  }

  /** JSON merge patch; undefined when the object is gone. Lists are replaced as a whole, `null` removes a field. */
  async mergePatch<T extends KubeObject>(
    kind: Kind<T>,
    key: Key,
    patch: object,
    opts: WriteOptions & { readonly manager?: string | undefined } = {},
  ): Promise<T | undefined> {
    return this.#unlessGone<T>({
      method: 'PATCH',
      path: pathFor(kind, { namespace: key.namespace, name: key.name, subresource: opts.subresource }),
      query: { fieldManager: opts.manager },
      contentType: 'application/merge-patch+json',
      body: patch,
      signal: opts.signal,
    });
  }

  /** Posts to a subresource of an object, such as an eviction. Undefined when the object is gone. */
  async post(kind: Kind, key: Key, opts: PostOptions): Promise<unknown> {
    const path = pathFor(kind, { namespace: key.namespace, name: key.name, subresource: opts.subresource });
    return this.#unlessGone({ method: 'POST', path, body: opts.body, signal: opts.signal });
  }

  /** Deletes an object; false when it was gone already. A precondition that does not hold rejects with status 409. */
  async delete(kind: Kind, key: Key, opts: DeleteOptions = {}): Promise<boolean> {
    const preconditions = {
      ...(opts.uid === undefined ? {} : { uid: opts.uid }),
      ...(opts.resourceVersion === undefined ? {} : { resourceVersion: opts.resourceVersion }),
    };
    const answer = await this.#unlessGone<KubeObject>({
      method: 'DELETE',
      path: pathFor(kind, { namespace: key.namespace, name: key.name }),
      body: { preconditions, propagationPolicy: opts.propagation ?? 'Background' },
      signal: opts.signal,
    });
    return answer !== undefined;
  }

  async #listOnce<T extends KubeObject>(kind: Kind<T>, opts: ListOptions): Promise<ListResult<T>> {
    const items: T[] = [];
    let continueToken = '';
    for (;;) {
      const page = await this.listPage(kind, { ...opts, continueToken });
      items.push(...page.items);
      if (page.continueToken === '') return { items, resourceVersion: page.resourceVersion };
      continueToken = page.continueToken;
    }
  }

  async #unlessGone<T>(req: TransportRequest): Promise<T | undefined> {
    try {
      return (await this.#send(req)) as T;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #send(req: TransportRequest): Promise<unknown> {
    if (req.method !== 'GET' && !this.#mayWrite()) throw new Error(`${req.method} ${req.path}: not leading any more`);
    const response = await this.transport.request(req);
    if (response.status >= 400) throw apiErrorFor(`${req.method} ${req.path}`, response);
    return response.body;
  }
}

export interface PostOptions {
  readonly subresource: string;
  readonly body: object;
  readonly signal?: AbortSignal | undefined;
}

export interface ListResult<T> {
  readonly items: T[];
  readonly resourceVersion: string;
}

export interface ListPageOptions extends ListOptions {
  readonly continueToken?: string;
  /** `0` takes what the API server has cached: cheaper, and possibly older than what was seen before. */
  readonly resourceVersion?: string | undefined;
}

export interface ListPage<T> extends ListResult<T> {
  readonly continueToken: string;
}

// Items of a list come without the two, watch events with them: filled in, an object is the same whatever its origin.
function withKind<T extends KubeObject>(kind: Kind, object: T): T {
  return { apiVersion: kind.apiVersion, kind: kind.kind, ...object };
}
