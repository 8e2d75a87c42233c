// Which pods are in the way of an uninstall. All pods of the cluster are looked through once; while one of those that were found
// is attached, only these are asked.
import { POD } from '../../api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../api/multus.ts';
import type { Holder } from '../../domain/attachment/facts.ts';
import { isOurs } from '../../domain/attachment/network-definition-metadata.ts';
import { keyOf } from '../../domain/objects/diff.ts';
import { attachedPods, type IsForeign } from '../../domain/pod/attached.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';
import { type ByAttachment, findAttached } from '../attachment/holders.ts';

export class PodLooks {
  readonly #client: Pick<KubeClient, 'list' | 'listPage'>;
  #found: ByAttachment = new Map();
  #isForeign: IsForeign = () => false;

  constructor(client: Pick<KubeClient, 'list' | 'listPage'>) {
    this.#client = client;
  }

  /** Those that were found and are attached still; after the first of an attachment, the others are taken for granted. */
  async again(): Promise<ByAttachment> {
    const left = new Map<string, readonly Holder[]>();
    for (const [attachment, pods] of this.#found) {
      const first = await this.#firstAttached(pods, attachment);
      if (first >= 0) left.set(attachment, pods.slice(first));
    }
    this.#found = left;
    return left;
  }

  async everywhere(attachments: ReadonlySet<string>): Promise<ByAttachment> {
    this.#isForeign = await foreignNads(this.#client);
    this.#found = await findAttached(this.#client, attachments, this.#isForeign);
    return this.#found;
  }

  async #firstAttached(pods: readonly Holder[], attachment: string): Promise<number> {
    for (const [index, { namespace, name }] of pods.entries()) {
      // A list of one, since the hook may list pods and nothing else.
      const { items } = await this.#client.list(POD, { namespace, fieldSelector: `metadata.name=${name}` });
      if (attachedPods(items, new Set([attachment]), this.#isForeign).length > 0) return index;
    }
    return -1;
  }
}

/** Pods on a NAD of the same name that somebody else made are not in the way. */
async function foreignNads(client: Pick<KubeClient, 'list'>): Promise<IsForeign> {
  const definitions = await client.list(NETWORK_ATTACHMENT_DEFINITION).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return { items: [] }; // Multus went first
    throw error;
  });
  const foreign = new Set(definitions.items.filter((definition) => !isOurs(definition)).map(keyOf));
  return (namespace, name) => foreign.has(`${namespace}/${name}`);
}
