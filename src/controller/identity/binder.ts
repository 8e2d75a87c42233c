// Binds one pod to one identity. The order of the writes is the promise: claims, the identity with its holder, and the pod last.
//
//   claims ──▶ identity spec ──▶ identity status: holder ──▶ pod: annotation, label, gate
//   etcd decides                 only if it is as it was seen   only if it is as it was seen
//
// Broken off anywhere, the next turn goes on: what is there already is found, and nobody else can have it.
import { POD, type Pod } from '../../api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../api/multus.ts';
import { BOUND, LABEL_GATED, LABEL_MANAGED_BY, MANAGED_BY, MANAGER_CONTROLLER, type RawPins } from '../../api/names.ts';
import type { IdentityReference } from '../../api/v1alpha1/claim.ts';
import { IDENTITY, type IdentityLink, type MacvlanIdentity } from '../../api/v1alpha1/identity.ts';
import { bindingPatch, dismissalPatch, type PatchStep } from '../../domain/identity/bind.ts';
import { identityLinkOf, ownedPart } from '../../domain/identity/claims.ts';
import { addressesElsewhere, pinElsewhere } from '../../domain/identity/elsewhere.ts';
import { mergeLinks, withMissing } from '../../domain/identity/entries.ts';
import { askOf, groupOf } from '../../domain/identity/key.ts';
import { type LinkRequest, linksOf, type NetworkView, notYetKnown } from '../../domain/identity/links.ts';
import { deriveMac } from '../../domain/identity/mac.ts';
import { placementFor } from '../../domain/identity/placement.ts';
import type { Binding, Wait } from '../../domain/identity/plan.ts';
import { isRefusal, type Refusal } from '../../domain/identity/reason.ts';
import { holderFor, identityStatus } from '../../domain/identity/status.ts';
import { duplicateIn, type Wish, wishFor } from '../../domain/identity/wish.ts';
import { isEqual } from '../../domain/objects/equal.ts';
import { editNetworks } from '../../domain/pod/networks.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';
import { type Claimant, type Claims, linkKeyOf, taken } from './claims.ts';
import { type IdentitySight, isIdentityThere, networkViewOf } from './gather.ts';
import { isNicMac, isNodeAddress } from './node-addresses.ts';
import { isOverQuota, quotaExceeded } from './over-quota.ts';
import { writeStatus } from './report.ts';
import type { Seed } from './seed.ts';

/** Another turn, with newer facts. */
const CONFLICT = { status: 409, reason: 'Conflict' } as const;

export interface BinderOptions {
  readonly client: KubeClient;
  readonly sight: IdentitySight;
  readonly claims: Claims;
  readonly seed: Seed;
  /** What the guards say of addresses on networks that are not ours. */
  readonly rawPins: RawPins;
  readonly now: () => number;
}

export class Binder {
  readonly #options: BinderOptions;
  /** Identities, as `namespace/name`, that could not be made since a quota was used up. */
  readonly #overQuota = new Set<string>();

  constructor(options: BinderOptions) {
    this.#options = options;
  }

  /** Resolves with why the pod cannot be bound now, or nothing when it was bound or let go. */
  async bind(binding: Binding, signal: AbortSignal): Promise<Wait | undefined> {
    try {
      return await this.#bind(binding, signal);
    } catch (error) {
      if (!isOverQuota(error)) throw error;
      await this.#withoutIdentity(binding, signal);
      return { ...quotaExceeded(error.message), pod: binding.pod, identity: undefined };
    }
  }

  /** Without an identity there is nothing to have addresses: a quota on identities is one on addresses as well. */
  async #withoutIdentity({ pod, identity: name }: Binding, signal: AbortSignal): Promise<void> {
    const { sight, claims } = this.#options;
    const reference = { namespace: pod.metadata.namespace ?? '', name };
    this.#overQuota.add(`${reference.namespace}/${name}`);
    if (!(await isIdentityThere(sight, reference, signal))) await claims.giveUpUnused(reference, [], signal);
  }

  /**
   * Makes an identity that a quota stood against, before anything is claimed for it. Claims that are made and given up again would be news
   * to those who wait, this one among them, without end.
   */
  async #makeIfRefused(pod: Pod, reference: IdentityReference, signal: AbortSignal): Promise<void> {
    const key = `${reference.namespace}/${reference.name}`;
    if (!this.#overQuota.has(key)) return;
    if (this.#options.sight.identities.get(key) === undefined) await this.#make(pod, reference, [], signal);
    this.#overQuota.delete(key);
  }

  async #bind({ pod, identity, replaces }: Binding, signal: AbortSignal): Promise<Wait | undefined> {
    const { sight, claims, seed } = this.#options;
    const reference = { namespace: pod.metadata.namespace ?? '', name: identity };
    const view = networkViewOf(sight);
    const links = linksOf(pod, view);
    if ('reason' in links) return { ...links, pod, identity };
    const elsewhere = this.#refusalElsewhere(pod, reference, view);
    if (elsewhere !== undefined) return { ...elsewhere, pod, identity: undefined };
    if (links.length === 0) return this.#withoutLinks(pod, view, signal);
    const unknown = notYetKnown(pod, view);
    if (unknown !== undefined) return { ...unknown, pod, identity };
    await this.#makeIfRefused(pod, reference, signal);
    const found = sight.identities.get(`${reference.namespace}/${identity}`);
    const attachments = links.map(({ attachment }) => attachment);
    const placement = placementFor({ pod, attachments, nodes: sight.stores.nodes.list() });
    if (isRefusal(placement)) return this.#refused({ ...placement, pod, identity }, reference, signal);
    const hmac = await seed.hmac();
    const got = await this.#takeAll({ identity: reference, links: found?.spec.attachments ?? [], hmac }, links, signal);
    if (isRefusal(got)) return this.#refused({ ...got, pod, identity }, reference, signal);
    const merged = mergeLinks(found?.spec.attachments ?? [], got);
    const recorded = await this.#record(pod, reference, merged, signal);
    await this.#hold(recorded, pod, replaces, signal);
    const edits = new Map(links.map((link, i) => [link.element, { mac: got[i]?.mac ?? '', ...ipsOf(got[i]) }]));
    const text = editNetworks(pod.metadata.annotations?.[ANNOTATION_NETWORKS] ?? '', edits);
    await this.#patch(pod, bindingPatch(pod, { identity, networks: text, placement }), signal);
    await claims.giveUpUnused(reference, merged, signal);
    return undefined;
  }

  /** What the pod may not choose on networks of others. */
  #refusalElsewhere(pod: Pod, reference: IdentityReference, view: NetworkView): Refusal | undefined {
    const { sight, claims, rawPins } = this.#options;
    const denied = pinElsewhere(pod, view, { rawPins, namespace: sight.stores.namespaces.get(reference.namespace) });
    if (denied !== undefined) return denied;
    for (const address of addressesElsewhere(pod, view)) {
      const owner = claims.otherOwnerOf(reference, address);
      if (owner !== undefined) return taken(address, owner);
    }
    return undefined;
  }

  /** Lets a pod go that needs nothing of us. */
  async dismiss(pod: Pod, signal: AbortSignal): Promise<void> {
    await this.#patch(pod, dismissalPatch(pod), signal);
  }

  /**
   * Records a pod that was bound in an identity that does not know of it, since it was deleted, or restored without its status:
   * from what stands in the pod, as far as it is claimed. Resolves with why that cannot be, should a quota be in the way: the
   * claims stay, since the pod runs with these addresses.
   */
  async adopt(pod: Pod, identity: string, signal: AbortSignal): Promise<Wait | undefined> {
    try {
      await this.#adopt(pod, identity, signal);
      return undefined;
    } catch (error) {
      if (!isOverQuota(error)) throw error;
      return { ...quotaExceeded(error.message), pod, identity: undefined };
    }
  }

  async #adopt(pod: Pod, identity: string, signal: AbortSignal): Promise<void> {
    const { claims, sight } = this.#options;
    const reference = { namespace: pod.metadata.namespace ?? '', name: identity };
    const found = sight.identities.get(`${reference.namespace}/${identity}`);
    const had = this.#boundLinks(pod).map((link) => ownedPart(link, (claimed) => claims.owns(reference, claimed)));
    const links = withMissing(found?.spec.attachments ?? [], had);
    const isRecorded = found?.status?.holder !== undefined && links.length === (found.spec.attachments ?? []).length;
    if (had.length === 0 || isRecorded) return;
    await this.#hold(await this.#record(pod, reference, links, signal), pod, undefined, signal);
  }

  /**
   * Claims again what the pod was bound to, should somebody have deleted a claim: by what stands in the pod, which only we may
   * write there. The spec of the identity is a wish, and would be a way around `pins`.
   */
  async restoreClaims(pod: Pod, identity: string, signal: AbortSignal): Promise<void> {
    const reference = { namespace: pod.metadata.namespace ?? '', name: identity };
    await this.#options.claims.restore(reference, this.#boundLinks(pod), signal);
  }

  #boundLinks(pod: Pod): readonly IdentityLink[] {
    const links = linksOf(pod, networkViewOf(this.#options.sight));
    return 'reason' in links || pod.metadata.labels?.[LABEL_GATED] !== BOUND ? [] : links.map(identityLinkOf);
  }

  /** The identity is made if it is not there, so that there is something to read. */
  async #refused(wait: Wait, reference: IdentityReference, signal: AbortSignal): Promise<Wait> {
    const found = this.#options.sight.identities.get(`${reference.namespace}/${reference.name}`);
    if (found === undefined) await this.#make(wait.pod, reference, [], signal);
    return wait;
  }

  /** None of its networks is ours. Who asked for an identity is told so; who was only caught by a namespace's label goes on. */
  async #withoutLinks(pod: Pod, view: NetworkView, signal: AbortSignal): Promise<Wait | undefined> {
    if (askOf(pod).type === 'Implied') {
      const unknown = notYetKnown(pod, view);
      if (unknown !== undefined) return { ...unknown, pod, identity: undefined };
      await this.dismiss(pod, signal);
      return undefined;
    }
    return {
      pod,
      identity: undefined,
      reason: 'NetworkMissing',
      message: `No network that the pod names is a MacvlanAttachment for namespace ${pod.metadata.namespace}.`,
      remedy:
        'Add the namespace to spec.namespaces of the attachment, correct the name, or leave the annotation macvlan.dev/identity out.',
    };
  }

  async #takeAll(
    claimant: Claimant,
    links: readonly LinkRequest[],
    signal: AbortSignal,
  ): Promise<readonly IdentityLink[] | Refusal> {
    const wishes: Wish[] = [];
    for (const link of links) {
      const wish = this.#wishFor(claimant, link);
      if (isRefusal(wish)) return wish;
      wishes.push(wish);
    }
    const duplicate = duplicateIn(wishes);
    if (duplicate !== undefined) return duplicate;
    const taken: IdentityLink[] = [];
    for (const wish of wishes) {
      const link = await this.#options.claims.takeLink(claimant, wish, signal);
      if (isRefusal(link)) return link;
      taken.push(link);
    }
    return taken;
  }

  #wishFor(claimant: Claimant, link: LinkRequest): Wish | Refusal {
    const { sight, claims } = this.#options;
    const { identity, links, hmac } = claimant;
    const name = link.attachment.metadata.name;
    const prefix = link.attachment.spec.identity?.macPrefix;
    const entry = links.find((candidate) => candidate.attachment === name && candidate.index === link.index);
    const wish = wishFor(link, entry, {
      owns: (claimed) => claims.owns(identity, claimed),
      derives: ({ index }, mac) =>
        !isRefusal(hmac) && deriveMac(hmac, linkKeyOf(identity, name, index), prefix, 0) === mac,
      isNicMac: (mac) => isNicMac(sight.stores, mac),
      isNodeAddress: (address) => isNodeAddress(sight.stores, name, address),
    });
    // With its seed, the address might turn out to be the identity's own.
    return isRefusal(wish) && wish.reason === 'PinDenied' && isRefusal(hmac) ? hmac : wish;
  }

  /** The identity with these links. What somebody else changed meanwhile is a conflict, and another turn. */
  async #record(
    pod: Pod,
    reference: IdentityReference,
    links: readonly IdentityLink[],
    signal: AbortSignal,
  ): Promise<MacvlanIdentity> {
    const { client, sight } = this.#options;
    const key = `${reference.namespace}/${reference.name}`;
    const found = sight.identities.get(key);
    if (found === undefined) return this.#make(pod, reference, links, signal);
    if (isEqual(found.spec.attachments ?? [], links)) return found;
    const patch = { metadata: { resourceVersion: found.metadata.resourceVersion }, spec: { attachments: links } };
    const options = { manager: MANAGER_CONTROLLER, signal };
    const patched = await sight.identities.through(key, () => client.mergePatch(IDENTITY, reference, patch, options));
    if (patched === undefined) throw new Error(`MacvlanIdentity ${key} was deleted while a pod was bound to it`);
    return patched;
  }

  #make(pod: Pod, reference: IdentityReference, links: readonly IdentityLink[], signal: AbortSignal) {
    const { client, sight } = this.#options;
    const { reclaim } = groupOf(pod);
    const identity: MacvlanIdentity = {
      metadata: { ...reference, labels: { [LABEL_MANAGED_BY]: MANAGED_BY } },
      spec: { ...(links.length === 0 ? {} : { attachments: links }), reclaim },
    };
    const key = `${reference.namespace}/${reference.name}`;
    return sight.identities.through(key, () => client.create(IDENTITY, identity, signal));
  }

  /** @param replaces uid of the holder that the decision knew of: with any other one, it was a decision about something else */
  async #hold(identity: MacvlanIdentity, pod: Pod, replaces: string | undefined, signal: AbortSignal): Promise<void> {
    const { now } = this.#options;
    const before = identity.status?.holder?.uid;
    if (before !== undefined && before !== replaces && before !== pod.metadata.uid) {
      throw new ApiError(`MacvlanIdentity ${identity.metadata.name} was given to another pod`, CONFLICT);
    }
    const holder = holderFor(pod);
    const status = identityStatus({ identity, holder, wait: undefined, now: now() });
    await writeStatus(this.#options, identity, status, signal);
  }

  async #patch(pod: Pod, steps: readonly PatchStep[], signal: AbortSignal): Promise<void> {
    const { client, sight } = this.#options;
    const { namespace, name } = pod.metadata;
    try {
      await sight.pods.through(`${namespace}/${name}`, () => client.jsonPatch(POD, pod.metadata, steps, { signal }));
    } catch (error) {
      // The server reports a failed test as an invalid request; it means that the pod was changed meanwhile.
      if (!(error instanceof ApiError && error.status === 422 && /test|resourceVersion/i.test(error.message)))
        throw error;
      throw new ApiError(error.message, CONFLICT);
    }
  }
}

function ipsOf(link: IdentityLink | undefined): { readonly ips?: readonly string[] } {
  return link?.ips === undefined ? {} : { ips: link.ips };
}
