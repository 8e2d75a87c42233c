// The watch over pods' links, turn by turn: what it takes for a ghost, what it repairs, and how often it looks.
import { beforeEach, describe, expect, test } from '@jest/globals';
import { PodWatch } from '../../../../src/agent/pods/pod-watch.ts';
import type { SandboxPort } from '../../../../src/agent/ports.ts';
import type { Pod } from '../../../../src/api/kube.ts';
import type { MacvlanAttachment, Repair } from '../../../../src/api/v1alpha1/attachment.ts';
import type { CachedLink } from '../../../../src/domain/pod/cached-link.ts';
import type { LinkSight } from '../../../../src/domain/pod/link-state.ts';
import type { RepairPlan } from '../../../../src/domain/pod/repair.ts';
import { Store } from '../../../../src/kernel/watch/store.ts';
import { attachment } from '../../../support/builders.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { silentLogger } from '../../../support/silent-logger.ts';

const THERE = { lower: 2, isRepaired: false };

class FakeSandboxes implements SandboxPort {
  readonly live = new Map<string, LinkSight['live']>();
  readonly looks: string[][] = [];
  readonly repairs: RepairPlan[] = [];
  failure: unknown;

  async look(links: readonly CachedLink[]) {
    this.looks.push(links.map((link) => link.name));
    return links.map((link) => this.live.get(link.name) ?? THERE);
  }

  async repair(plan: RepairPlan) {
    if (this.failure !== undefined) throw this.failure;
    this.repairs.push(plan);
    this.live.set('web', { lower: plan.parent, isRepaired: true });
  }

  async close() {}
}

let clock: FakeClock;
let sandboxes: FakeSandboxes;
let links: Map<string, CachedLink>;
let pods: Store<Pod>;
let attachments: Store<MacvlanAttachment>;
let watch: PodWatch;
let changes: number;

function link(name: string, chained: readonly string[] = []): CachedLink {
  return {
    ...{ namespace: 'home', name, uid: `uid-${name}`, attachment: 'lan', interface: 'net1' },
    ...{ netns: `/run/netns/${name}`, mac: '02:00:00:00:00:01', addresses: [], routes: [] },
    settings: { master: 'mva-lan', mode: 'bridge', ipam: 'static', chained, fingerprint: '' },
  };
}

function add(name: string, init: Partial<Pod['metadata']> = {}): void {
  pods.upsert({
    metadata: { namespace: 'home', name, uid: `uid-${name}`, ...init },
    spec: {},
    status: { phase: 'Running' },
  });
  links.set(`uid-${name}/net1`, link(name));
}

function wants(type: Repair['type']): void {
  attachments.upsert(attachment({ spec: { repair: { type } }, metadata: { resourceVersion: type } }));
}

const state = (name = 'web') => watch.sights.get(`uid-${name}/net1`)?.live;
const refusal = () => watch.sights.get('uid-web/net1')?.refusal?.message;

/** Turns as the queue would make them, for so long. */
async function turns(ms: number): Promise<void> {
  const end = clock.now() + ms;
  for (;;) {
    const answer = await watch.turn();
    const pause = answer.type === 'later' ? answer.ms : 0;
    expect(pause).toBeGreaterThan(0);
    if (clock.now() + pause > end) return;
    await clock.advance(pause);
  }
}

beforeEach(() => {
  clock = new FakeClock();
  sandboxes = new FakeSandboxes();
  links = new Map();
  pods = new Store();
  attachments = new Store();
  changes = 0;
  watch = new PodWatch({
    ...{ attachments, pods, sandboxes, clock, logger: silentLogger() },
    cache: { read: async () => new Map(links) },
    onChange: () => {
      changes += 1;
    },
  });
  wants('Report');
  watch.setParents(new Map([['lan', 2]]));
  add('web');
});

describe('a link that is missing', () => {
  test('is a ghost when it is missing a moment later still', async () => {
    await turns(0);
    expect(state()).toEqual(THERE);
    sandboxes.live.set('web', 'Missing');
    watch.lookAtAll();
    await turns(0);
    expect(state()).toEqual(THERE);
    await turns(1000);
    expect(state()).toBe('Missing');
  });

  test('is forgotten when its DEL was under way', async () => {
    await turns(0);
    sandboxes.live.set('web', 'Missing');
    watch.lookAtAll();
    await turns(0);
    links.clear();
    await turns(1000);
    expect(watch.sights.size).toBe(0);
  });

  test('is not taken for a ghost when its pod is ending', async () => {
    await turns(0);
    add('web', { deletionTimestamp: '2026-01-01T00:00:00Z' });
    sandboxes.live.set('web', 'Missing');
    watch.lookAtAll();
    await turns(1000);
    expect(watch.sights.size).toBe(0);
  });

  test('is left alone where the attachment does not ask for repair', async () => {
    sandboxes.live.set('web', 'Missing');
    await turns(120_000);
    expect(state()).toBe('Missing');
    expect(sandboxes.repairs).toEqual([]);
  });
});

describe('with repair InPlace, a ghost', () => {
  beforeEach(async () => {
    wants('InPlace');
    sandboxes.live.set('web', 'Missing');
  });

  test('is made again on the verified NIC', async () => {
    await turns(1000);
    expect(sandboxes.repairs).toMatchObject([{ netns: '/run/netns/web', parent: 2 }]);
    expect(state()).toEqual({ lower: 2, isRepaired: true });
  });

  test('waits for a NIC, and is made again as soon as there is one', async () => {
    watch.setParents(new Map());
    await turns(30_000);
    expect([state(), sandboxes.repairs.length]).toEqual(['Missing', 0]);
    expect(watch.setParents(new Map([['lan', 9]]))).toBe(true);
    await turns(0);
    expect(sandboxes.repairs).toMatchObject([{ parent: 9 }]);
  });

  test('that the kernel refuses is told why, and tried again after a while', async () => {
    sandboxes.failure = Object.assign(new Error('EADDRINUSE'), { code: 'EADDRINUSE' });
    await turns(1000);
    expect(refusal()).toContain('another link on the NIC has its MAC address');
    sandboxes.failure = undefined;
    await turns(10_000);
    expect([state(), refusal()]).toEqual([{ lower: 2, isRepaired: true }, undefined]);
  });

  test('that the agent may not enter is told so', async () => {
    sandboxes.failure = Object.assign(new Error('netlink socket: Operation not permitted'), { code: '1' });
    await turns(1000);
    expect(refusal()).toContain('CAP_SYS_ADMIN');
  });

  test('on which other plugins ran is told so, and not touched', async () => {
    links.set('uid-web/net1', link('web', ['tuning']));
    await turns(1000);
    expect(refusal()).toContain('(tuning)');
    expect(sandboxes.repairs).toEqual([]);
  });
});

describe('looks', () => {
  test('are for new links only, and for all when the NIC changes or ten seconds have passed', async () => {
    await turns(0);
    await clock.advance(10_500);
    await turns(0);
    sandboxes.looks.splice(0);
    add('db');
    await turns(0);
    await turns(0);
    expect(sandboxes.looks).toEqual([['db'], ['db']]);
    watch.setParents(new Map([['lan', 3]]));
    await turns(0);
    await clock.advance(10_500);
    await turns(0);
    await turns(0);
    expect(sandboxes.looks.slice(2)).toEqual([['web', 'db'], ['web', 'db'], []]);
  });

  test('come every second while a link is new, since it gives itself addresses then, and later every ten', async () => {
    await turns(9500);
    expect(sandboxes.looks).toHaveLength(10);
    await turns(40_000);
    expect(sandboxes.looks.length).toBeLessThan(16);
  });

  test('that show other addresses than before are told', async () => {
    await turns(0);
    const told = changes;
    const addresses = [{ address: 'fd00::2', isUsable: true, isPermanent: false }];
    sandboxes.live.set('web', { ...THERE, addresses });
    await turns(1500);
    expect(changes).toBe(told + 1);
    sandboxes.live.set('web', { ...THERE, addresses: [...addresses] });
    await turns(15_000);
    expect(changes).toBe(told + 1);
  });

  test('that bring nothing new are not told', async () => {
    await turns(0);
    expect(changes).toBe(1);
    await turns(300_000);
    expect(changes).toBe(1);
    expect(watch.setParents(new Map([['lan', 2]]))).toBe(false);
  });
});

describe('a static pod', () => {
  const mirror = (init: Partial<Pod['metadata']> = {}) =>
    pods.upsert({
      metadata: {
        ...{ namespace: 'home', name: 'dns-node-a', uid: 'uid-of-mirror', resourceVersion: JSON.stringify(init) },
        annotations: { 'kubernetes.io/config.hash': 'hash-of-manifest' },
        ...init,
      },
      spec: {},
      status: { phase: 'Running' },
    });

  test('is known by its mirror, and looked at no oftener than others', async () => {
    mirror();
    links.set('hash-of-manifest/net1', { ...link('dns-node-a'), uid: 'hash-of-manifest' });
    await turns(0);
    expect(watch.sights.get('uid-of-mirror/net1')?.live).toEqual(THERE);
    expect(watch.sights.has('hash-of-manifest/net1')).toBe(false);
    await turns(15_000);
    const looks = sandboxes.looks.length;
    await turns(5000);
    expect(sandboxes.looks.length).toBeLessThan(looks + 3);
    mirror({ uid: 'uid-of-the-next-mirror' });
    await turns(0);
    expect([...watch.sights.keys()]).toContain('uid-of-the-next-mirror/net1');
  });

  test('is not mistaken for another that says to be its mirror', async () => {
    mirror({ name: 'evil', uid: 'uid-evil' });
    links.set('hash-of-manifest/net1', { ...link('dns-node-a'), uid: 'hash-of-manifest' });
    await turns(0);
    expect([...watch.sights.keys()]).not.toContain('uid-evil/net1');
  });
});
