// Which pods hold up a deletion. What the agents say is hearsay, a hint whom to ask; asked are the pods themselves.
//
//   agents speak of pods ──▶ ask some of these ──(one is attached)──▶ they hold it up
//                              │ none is, or nobody speaks of any
//                              ├──▶ ask those that were found the last time ──(one is attached)──▶ they hold it up
//                              └──▶ look through all pods once ──▶ whoever is attached holds it up; nobody: nothing does
import { POD, type Pod } from '../../api/kube.ts';
import {
  type Claim,
  claimedLinks,
  dependsOnPods,
  holdersThatCount,
  PODS_SHOWN,
} from '../../domain/attachment/deletion.ts';
import type { AttachmentFacts, Holder, Holders } from '../../domain/attachment/facts.ts';
import { attachedPods, type IsForeign } from '../../domain/pod/attached.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';

/** So many pods are asked by name before all are looked through: a lie may be long. */
const ASKED_AT_MOST = 20;

type PodReader = Pick<KubeClient, 'get' | 'listPage'>;
/** Attached pods by the name of the attachment. */
export type ByAttachment = ReadonlyMap<string, readonly Holder[]>;

export interface HolderSearchOptions {
  readonly client: PodReader;
  /** Names of all attachments: one look through the pods serves all of them. */
  readonly attachments: () => Iterable<string>;
  /** Default: no NAD is. */
  readonly isForeign?: IsForeign;
}

/** What there is to decide from, and for whoever decides about trying again, why it is not all. */
export interface Completed {
  readonly facts: AttachmentFacts;
  readonly error?: unknown;
}

export class HolderSearch {
  readonly #options: HolderSearchOptions;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<ByAttachment> | undefined;
  /** By attachment: pods that no agent speaks of. While one of them is attached, nobody else has to be looked for. */
  readonly #found = new Map<string, readonly Holder[]>();

  constructor(options: HolderSearchOptions) {
    this.#options = options;
  }

  /** The facts with the holders in them, where the next step of a deletion depends on them; without, where they could not be had. */
  async complete(facts: AttachmentFacts, signal: AbortSignal): Promise<Completed> {
    if (facts.attachment === undefined || !dependsOnPods(facts.attachment)) {
      this.#found.delete(facts.name);
      return { facts };
    }
    try {
      return { facts: { ...facts, holders: await this.#holdersFor(facts, signal) } };
    } catch (error) {
      return { facts, error: new Error(`asking pods whether they are attached to ${facts.name}`, { cause: error }) };
    }
  }

  async #holdersFor(facts: AttachmentFacts, signal: AbortSignal): Promise<Holders> {
    const claims = onePerPod(claimedLinks(facts));
    const { asked, attached } = await this.#ask(claims, facts.name, signal);
    if (attached.length > 0) return { pods: attached, more: claims.length - asked };
    const again = await this.#askAgain(facts, signal);
    if (again !== undefined) return again;
    const pods = await this.#lookEverywhere(facts.name);
    this.#found.set(facts.name, pods);
    return { pods, more: 0 };
  }

  /** Nothing when none of those that were found counts any more: then others have to be looked for. */
  async #askAgain(facts: AttachmentFacts, signal: AbortSignal): Promise<Holders | undefined> {
    const known = holdersThatCount(facts, this.#found.get(facts.name) ?? []);
    const attached: Holder[] = [];
    let asked = 0;
    for (const holder of known.slice(0, ASKED_AT_MOST)) {
      if (attached.length === PODS_SHOWN) break;
      asked += 1;
      const pod = await this.#options.client.get(POD, holder, signal);
      const isSame = pod !== undefined && pod.spec.nodeName === holder.node;
      if (isSame && this.#isAttached(pod, facts.name)) attached.push(holder);
    }
    if (attached.length === 0) return undefined;
    this.#found.set(facts.name, [...attached, ...known.slice(asked)]);
    return { pods: attached, more: known.length - asked };
  }

  /** Asks the pods that agents speak of, until there are enough names or too many lies. */
  async #ask(
    claims: readonly Claim[],
    attachment: string,
    signal: AbortSignal,
  ): Promise<{ readonly asked: number; readonly attached: readonly Holder[] }> {
    const attached: Holder[] = [];
    let asked = 0;
    for (const claim of claims.slice(0, ASKED_AT_MOST)) {
      if (attached.length === PODS_SHOWN) break;
      asked += 1;
      const pod = await this.#options.client.get(POD, claim, signal);
      if (pod !== undefined && isAsClaimed(pod, claim) && this.#isAttached(pod, attachment)) attached.push(claim);
    }
    return { asked, attached };
  }

  /**
   * An agent that keeps quiet about its pods must not let the deletion through. Attachments are often deleted together: a look
   * through all pods serves everybody who asked before it began.
   */
  async #lookEverywhere(attachment: string): Promise<readonly Holder[]> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const { client, attachments, isForeign } = this.#options;
      const found = findAttached(client, new Set(attachments()), isForeign);
      this.#running = found.catch(() => {}); // whoever waits for it is told
      return found;
    });
    return (await this.#next).get(attachment) ?? [];
  }

  /** By what Multus wrote on the pod. */
  #isAttached(pod: Pod, attachment: string): boolean {
    return attachedPods([pod], new Set([attachment]), this.#options.isForeign).length > 0;
  }
}

/** Looks through all pods of the cluster, page by page, for those with a link on one of the attachments. */
export async function findAttached(
  client: Pick<KubeClient, 'listPage'>,
  attachments: ReadonlySet<string>,
  isForeign?: IsForeign,
): Promise<ByAttachment> {
  const found = new Map<string, Holder[]>();
  let continueToken = '';
  do {
    const page = await client.listPage(POD, { continueToken });
    for (const pod of page.items) {
      const { namespace = '', name } = pod.metadata;
      for (const attachment of new Set(attachedPods([pod], attachments, isForeign).map((link) => link.attachment))) {
        const holder = { namespace, name, node: pod.spec.nodeName ?? '' };
        found.set(attachment, [...(found.get(attachment) ?? []), holder]);
      }
    }
    continueToken = page.continueToken;
  } while (continueToken !== '');
  return found;
}

/** The very pod that the agent speaks of, and on that agent's node. */
function isAsClaimed(pod: Pod, { uid, node }: Claim): boolean {
  return pod.metadata.uid === uid && pod.spec.nodeName === node;
}

/** A pod may have several links on one attachment. */
function onePerPod(claims: readonly Claim[]): readonly Claim[] {
  return [
    ...new Map(claims.map((claim) => [`${claim.node} ${claim.namespace}/${claim.name} ${claim.uid}`, claim])).values(),
  ];
}
