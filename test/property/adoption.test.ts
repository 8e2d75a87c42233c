// Whatever is lost of identities while their pods run, in any order with what pods do: no two pods have one, and all are found again.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Pod } from '../../src/api/kube.ts';
import type { IdentityHolder, MacvlanIdentity } from '../../src/api/v1alpha1/identity.ts';
import { boundTo, unrecordedHolders } from '../../src/domain/identity/adopt.ts';
import { planGroup } from '../../src/domain/identity/plan.ts';
import { type HolderFacts, hasEnded } from '../../src/domain/identity/release.ts';
import { holderFor } from '../../src/domain/identity/status.ts';
import { waitingPod } from '../support/identity.ts';

const REPLICAS = 3;

/** A Deployment's pods and their identities, by name: with a holder, or without. */
class Model {
  pods: readonly Pod[] = [];
  readonly identities = new Map<string, IdentityHolder | undefined>();
  readonly #lastSeen = new Map<string, Pod>();
  #count = 0;

  create(): void {
    this.#count += 1;
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d4f', uid: 'u', controller: true };
    const creationTimestamp = new Date(this.#count * 1000).toISOString();
    const labels = { 'pod-template-hash': '5d4f' };
    const made = waitingPod(`web-${this.#count}`, { ownerReferences: [owner], labels, creationTimestamp });
    this.pods = [...this.pods, made];
  }

  /** Its kubelet says that it has ended. */
  end(pick: number): void {
    const ended = this.pods[pick % Math.max(1, this.pods.length)];
    this.pods = this.pods.map((pod) => (pod === ended ? { ...pod, status: { phase: 'Failed' } } : pod));
  }

  /** Objects of pods that have ended go, and the controller sees it. */
  vanish(): void {
    for (const pod of this.pods.filter(hasEnded)) this.#lastSeen.set(pod.metadata.uid ?? '', pod);
    this.pods = this.pods.filter((pod) => !hasEnded(pod));
  }

  loseIdentity(pick: number): void {
    this.identities.delete([...this.identities.keys()][pick % Math.max(1, this.identities.size)] ?? '');
  }

  loseStatus(pick: number): void {
    const name = [...this.identities.keys()][pick % Math.max(1, this.identities.size)];
    if (name !== undefined) this.identities.set(name, undefined);
  }

  /** A turn of the controller. */
  turn(): void {
    const identities = [...this.identities].map(
      ([name, holder]): MacvlanIdentity => ({
        metadata: { name, namespace: 'home' },
        spec: {},
        ...(holder === undefined ? {} : { status: { holder } }),
      }),
    );
    const holders = new Map<string, HolderFacts>();
    for (const [name, holder] of this.identities) if (holder !== undefined) holders.set(name, this.#factsOf(holder));
    for (const [name, pod] of unrecordedHolders(this.pods, identities))
      holders.set(name, this.#factsOf(holderFor(pod)));
    const plan = planGroup({ namespace: 'home', pods: this.pods, identities, replicas: REPLICAS, holders, claims: [] });
    for (const name of plan.proofs.keys()) this.identities.set(name, undefined);
    for (const { pod, identity } of plan.adoptions) this.identities.set(identity, holderFor(pod));
    for (const { pod, identity } of plan.bindings) {
      this.identities.set(identity, holderFor(pod));
      this.pods = this.pods.map((other) => (other === pod ? bound(pod, identity) : other));
    }
  }

  /** Names of the identities of all pods that run. */
  held(): readonly string[] {
    return this.pods.filter((pod) => !hasEnded(pod)).flatMap((pod) => boundTo(pod) ?? []);
  }

  #factsOf(holder: IdentityHolder): HolderFacts {
    const pod = this.pods.find(({ metadata }) => metadata.uid === holder.uid);
    const node = { metadata: { name: 'a' } };
    return { holder, pod, lastSeen: this.#lastSeen.get(holder.uid), node, released: undefined };
  }
}

function bound(pod: Pod, identity: string): Pod {
  const { labels, annotations } = pod.metadata;
  return {
    metadata: {
      ...pod.metadata,
      labels: { ...labels, 'macvlan.dev/gated': 'bound' },
      annotations: { ...annotations, 'macvlan.dev/bound': identity },
    },
    spec: { nodeName: 'a' },
    status: { phase: 'Running' },
  };
}

const step = fc.record({
  what: fc.constantFrom('create', 'create', 'turn', 'turn', 'end', 'vanish', 'loseIdentity', 'loseStatus'),
  pick: fc.nat({ max: 20 }),
} as const);

test('no two pods that run have one identity, and each identity knows its pod after a turn', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const model = new Model();
      for (const { what, pick } of steps) {
        model[what](pick);
        expect(new Set(model.held()).size).toBe(model.held().length);
      }
      model.turn();
      for (const pod of model.pods.filter((one) => !hasEnded(one))) {
        const identity = boundTo(pod);
        if (identity !== undefined) expect(model.identities.get(identity)?.uid).toBe(pod.metadata.uid);
      }
    }),
    { numRuns: 500 },
  );
});
