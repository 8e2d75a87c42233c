// Whatever happens to pods, nodes and their objects, no two pods that really run hold one identity, and nobody waits for ever.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Node, Pod } from '../../src/api/kube.ts';
import type { IdentityHolder, MacvlanIdentity } from '../../src/api/v1alpha1/identity.ts';
import { planGroup } from '../../src/domain/identity/plan.ts';
import { type HolderFacts, isLasting, restsOnNode } from '../../src/domain/identity/release.ts';
import { holderFor, holderNow } from '../../src/domain/identity/status.ts';
import { waitingPod } from '../support/identity.ts';

/** What a pod really is, whatever the API server knows of it. */
interface RealPod {
  pod: Pod;
  /** Its object is in the API server. */
  isKnown: boolean;
  /** Its containers run, and its addresses are in use. */
  isAlive: boolean;
  /** Its kubelet is through with it: it is never started again. */
  isOver: boolean;
  /** Its node's agent has seen it attached. */
  isSeen: boolean;
  /** As the controller's watch has it, which may be late. */
  cached?: Pod;
}

const NODES = ['a', 'b'];

/** A cluster that consists of one group of identities: a Deployment's slots. */
class Model {
  readonly pods: RealPod[] = [];
  readonly holders = new Map<string, IdentityHolder>();
  readonly boots = new Map(NODES.map((node) => [node, 1]));
  /** The same as the controller's watch has it, which may be late. */
  seenBoots = new Map(this.boots);
  /** Pods as the controller last saw them before they vanished. */
  readonly lastSeen = new Map<string, Pod>();
  /** Uids of the pods of which agents have said that nothing is left. */
  readonly ended = new Set<string>();
  readonly replicas: number;

  constructor(replicas: number) {
    this.replicas = replicas;
  }

  create(): void {
    const name = `web-5d4f-${this.pods.length}`;
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d4f', uid: 'u', controller: true };
    const creationTimestamp = new Date(this.pods.length * 1000).toISOString();
    const pod = waitingPod(name, {
      ownerReferences: [owner],
      labels: { 'pod-template-hash': '5d4f' },
      creationTimestamp,
    });
    this.pods.push({ pod, isKnown: true, isAlive: false, isOver: false, isSeen: false });
  }

  /** The scheduler sends pods to nodes that are let go. */
  schedule(pick: number): void {
    const waiting = this.pods.filter(({ pod, isKnown }) => isKnown && isLetGo(pod) && pod.spec.nodeName === undefined);
    const real = waiting[pick % Math.max(1, waiting.length)];
    if (real === undefined) return;
    real.pod = {
      ...real.pod,
      spec: { ...real.pod.spec, nodeName: NODES[pick % 2] ?? 'a' },
      status: { phase: 'Running' },
    };
  }

  /** A kubelet starts a pod that was sent to its node; it may be late, and not have heard yet that the object is gone. */
  start(pick: number): void {
    const sent = this.pods.filter(({ pod, isAlive, isOver }) => pod.spec.nodeName !== undefined && !isAlive && !isOver);
    const real = sent[pick % Math.max(1, sent.length)];
    if (real !== undefined) real.isAlive = true;
  }

  /** A kubelet hears that the object of a pod is gone, and ends it. */
  finish(pick: number): void {
    const gone = this.pods.filter(({ isKnown, isOver }) => !isKnown && !isOver);
    const real = gone[pick % Math.max(1, gone.length)];
    if (real !== undefined) [real.isAlive, real.isOver] = [false, true];
  }

  /** The agents look at their nodes. */
  look(): void {
    for (const real of this.pods) {
      if (real.isKnown && real.isAlive) real.isSeen = true;
      if (!real.isKnown && real.isSeen && real.isOver) this.ended.add(real.pod.metadata.uid ?? '');
    }
  }

  /** The pod ends in order: its kubelet says so, then the object goes; who watches sees it. */
  end(pick: number, isWatched: boolean): void {
    const real = this.#known(pick);
    if (real === undefined) return;
    [real.isAlive, real.isOver] = [false, true];
    const hasNode = real.pod.spec.nodeName !== undefined;
    if (hasNode) real.pod = { ...real.pod, status: { phase: 'Failed' } };
    this.#vanish(real, isWatched);
  }

  /** The object goes, the containers stay. */
  forceDelete(pick: number, isWatched: boolean): void {
    const real = this.#known(pick);
    if (real !== undefined) this.#vanish(real, isWatched);
  }

  /** Everything on the node stops; what still has an object is started again. */
  reboot(pick: number): void {
    const node = NODES[pick % 2] ?? 'a';
    this.boots.set(node, (this.boots.get(node) ?? 0) + 1);
    for (const real of this.pods) {
      if (real.pod.spec.nodeName === node && !real.isKnown) [real.isAlive, real.isOver] = [false, true];
    }
  }

  /** Whoever is sent somewhere runs, and is seen by its agent. */
  startAll(): void {
    while (this.pods.some(isToStart)) this.start(0);
    this.look();
  }

  /** All objects are deleted by force, the kubelets hear of it, and the agents look. */
  forceAll(): void {
    while (this.pods.some(({ isKnown }) => isKnown)) this.forceDelete(0, true);
    while (this.pods.some(({ isOver }) => !isOver)) this.finish(0);
    this.look();
  }

  /** A turn of the controller. */
  turn(): void {
    const facts = {
      namespace: 'home',
      pods: this.pods.filter(({ isKnown }) => isKnown).map(({ pod }) => pod),
      identities: [...this.holders.keys()].map(
        (name) => ({ metadata: { name, namespace: 'home' }, spec: {} }) as MacvlanIdentity,
      ),
      replicas: this.replicas,
      holders: new Map([...this.holders].map(([name, holder]) => [name, this.#factsOf(holder)])),
      claims: [],
    };
    const plan = planGroup(facts);
    for (const name of plan.proofs.keys()) this.holders.delete(name);
    for (const { pod, identity } of plan.bindings) {
      const before = this.holders.get(identity);
      expect(before === undefined || before.uid === pod.metadata.uid).toBe(true);
      this.holders.set(identity, holderFor(pod));
      this.#replace(pod, { ...pod, metadata: { ...pod.metadata, labels: { 'macvlan.dev/gated': 'bound' } }, spec: {} });
    }
    for (const [name, holder] of this.holders) this.holders.set(name, holderNow(this.#factsOf(holder)));
    for (const real of this.pods) real.cached = real.pod;
  }

  /** Identities with more than one pod that really runs. */
  shared(): readonly string[] {
    return [...this.holders].flatMap(([name]) => {
      const alive = this.pods.filter(
        ({ pod, isAlive }) => isAlive && this.#everHeld.get(pod.metadata.uid ?? '') === name,
      );
      return alive.length > 1 ? [name] : [];
    });
  }

  readonly #everHeld = new Map<string, string>();

  #replace(old: Pod, pod: Pod): void {
    const real = this.pods.find((candidate) => candidate.pod === old);
    if (real === undefined) return;
    real.pod = pod;
    const [identity = ''] = [...this.holders].find(([, { uid }]) => uid === pod.metadata.uid) ?? [];
    this.#everHeld.set(pod.metadata.uid ?? '', identity);
  }

  #factsOf(holder: IdentityHolder): HolderFacts {
    const pod = this.pods.find((real) => real.isKnown && real.pod.metadata.uid === holder.uid)?.pod;
    const lastSeen = pod === undefined ? this.lastSeen.get(holder.uid) : undefined;
    const node = (pod ?? lastSeen)?.spec.nodeName ?? holder.node;
    const facts = { holder, pod, lastSeen, node: undefined, ended: this.ended, released: undefined };
    if (node === undefined) return facts;
    const seen = { ...facts, node: nodeIn(this.seenBoots, node) };
    return restsOnNode(seen) ? { ...facts, node: nodeIn(this.boots, node) } : seen;
  }

  #known(pick: number): RealPod | undefined {
    const known = this.pods.filter(({ isKnown }) => isKnown);
    return known[pick % Math.max(1, known.length)];
  }

  #vanish(real: RealPod, isWatched: boolean): void {
    real.isKnown = false;
    // Who did not see it go lists again later, and then finds that what was cached is not there any more.
    const { cached = real.pod } = real;
    if (isWatched || isLasting(cached)) this.lastSeen.set(real.pod.metadata.uid ?? '', isWatched ? real.pod : cached);
  }
}

/** Nothing of one that joined meanwhile. */
function nodeIn(boots: ReadonlyMap<string, number>, name: string): Node | undefined {
  const boot = boots.get(name);
  return boot === undefined ? undefined : { metadata: { name }, status: { nodeInfo: { bootID: `${name}-${boot}` } } };
}

function isLetGo(pod: Pod): boolean {
  return (pod.spec.schedulingGates ?? []).length === 0;
}

const step = fc.record({
  what: fc.constantFrom(
    ...[
      'create',
      'turn',
      'turn',
      'schedule',
      'start',
      'start',
      'end',
      'end',
      'force',
      'reboot',
      'finish',
      'look',
      'hear',
      'miss',
    ],
  ),
  pick: fc.nat({ max: 20 }),
  isWatched: fc.boolean(),
});

const stepOf = (what: string) => ({ what, pick: 0, isWatched: false });
/** A pod that is gone by the API server before its kubelet has heard of it, and is started all the same: nothing of it is to be seen. */
const lateStart = ['create', 'turn', 'schedule', 'force', 'look', 'create', 'turn', 'schedule', 'start', 'start'].map(
  stepOf,
);

/** A pod that was sent to a node unseen, and whose object went unseen. */
const unseen = ['create', 'turn', 'schedule', 'start', 'force', 'create', 'turn', 'schedule', 'start'].map(stepOf);

function take(model: Model, { what, pick, isWatched }: { what: string; pick: number; isWatched: boolean }): void {
  if (what === 'create') model.create();
  if (what === 'turn') model.turn();
  if (what === 'schedule') model.schedule(pick);
  if (what === 'start') model.start(pick);
  if (what === 'finish') model.finish(pick);
  if (what === 'look') model.look();
  if (what === 'hear') model.seenBoots = new Map(model.boots);
  if (what === 'miss') model.seenBoots.clear();
  if (what === 'end') model.end(pick, isWatched);
  if (what === 'force') model.forceDelete(pick, isWatched);
  if (what === 'reboot') model.reboot(pick);
}

describe('identities', () => {
  test('are never held by two pods that really run, in any order of events', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), fc.integer({ min: 1, max: 3 }), (steps, replicas) => {
        const model = new Model(replicas);
        for (const one of steps) {
          take(model, one);
          expect(model.shared()).toEqual([]);
          expect(model.holders.size).toBeLessThanOrEqual(replicas);
        }
      }),
      { numRuns: 500, examples: [lateStart, unseen].map((steps) => [steps, 1]) },
    );
  });

  test('are never held by two pods when the controller hears of reboots and of new nodes too late', () => {
    const steps = [
      ...['create', 'turn', 'schedule', 'start', 'turn', 'reboot', 'start', 'force', 'turn', 'hear', 'turn'],
      ...['create', 'turn', 'schedule', 'start', 'start'],
    ];
    const missed = steps.filter((what) => what !== 'hear' && what !== 'reboot');
    for (const gap of [steps, missed.flatMap((what) => (what === 'force' ? ['miss', what] : [what]))]) {
      const model = new Model(1);
      for (const one of gap.map(stepOf)) take(model, one);
      expect(model.shared()).toEqual([]);
    }
  });

  test('all go to waiting pods again when everything has ended in order and was seen', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), fc.integer({ min: 1, max: 3 }), (steps, replicas) => {
        const model = new Model(replicas);
        for (const one of steps) if (one.what !== 'force') take(model, { ...one, isWatched: true });
        while (model.pods.some(({ isKnown }) => isKnown)) model.end(0, true);
        for (let i = 0; i < replicas; i++) model.create();
        model.turn();
        const waiting = model.pods.filter(({ pod, isKnown }) => isKnown && !isLetGo(pod));
        expect(waiting).toEqual([]);
      }),
    );
  });

  test('go to waiting pods again after deletions by force, when agents saw the pods attached and see nothing of them any more', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), fc.integer({ min: 1, max: 3 }), (steps, replicas) => {
        const model = new Model(replicas);
        for (const one of steps) {
          take(model, { ...one, isWatched: true });
          model.startAll();
        }
        model.forceAll();
        model.turn();
        for (let i = 0; i < replicas; i++) model.create();
        model.turn();
        expect(model.pods.filter(({ pod, isKnown }) => isKnown && !isLetGo(pod))).toEqual([]);
      }),
    );
  });
});

function isToStart({ pod, isAlive, isOver }: RealPod): boolean {
  return pod.spec.nodeName !== undefined && !isAlive && !isOver;
}
