// The agent in a small world, for tests of whole turns: a model of the kernel, and an API server that only remembers.
import { createAgent } from '../../../src/agent/agent.ts';
import type { Hint } from '../../../src/agent/ports.ts';
import type { StateClient } from '../../../src/agent/reporter.ts';
import { createStores } from '../../../src/agent/stores.ts';
import type { KubeObject, Node } from '../../../src/api/kube.ts';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import type { MacvlanNodeState, MacvlanNodeStateStatus } from '../../../src/api/v1alpha1/node-state.ts';
import type { CachedLink } from '../../../src/domain/pod/cached-link.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeNetwork } from '../../support/network.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

export const NODE: Node = { metadata: { name: 'nas', uid: 'uid-nas', labels: { 'kubernetes.io/hostname': 'nas' } } };
/** An agent in a small world: what it wrote, what it changed, and knobs for what may go wrong. */
export function startAgent(
  init: {
    facts?: FakeNetwork;
    state?: MacvlanNodeState;
    place?: string;
    nodeBootId?: string;
    /** Uids of the pods that are at work; without it, nobody looks. */
    cgroups?: ReadonlySet<string>;
  } = {},
) {
  const stores = createStores();
  const facts = init.facts ?? new FakeNetwork();
  const clock = new FakeClock();
  const stopping = new AbortController();
  const written: MacvlanNodeStateStatus[] = [];
  const faults: Error[] = [];
  /** How many changes had been made when each status was written. */
  const changesBefore: number[] = [];
  let version = 1;
  let hint: (hint: Hint) => void = () => {};
  let missing: readonly string[] = [];
  const links = new Map<string, CachedLink>();

  const put = <T extends KubeObject>(object: T): T => {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(version++) } };
  };
  const client: StateClient = {
    async create(_kind, object) {
      const created = put(object);
      stores.states.upsert(created as MacvlanNodeState);
      return created;
    },
    async apply<T extends KubeObject>(_kind: unknown, object: object): Promise<T> {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      const { status } = object as MacvlanNodeState;
      written.push(status ?? {});
      changesBefore.push(facts.done.length);
      const state = put({ ...stores.states.get('nas'), ...object } as MacvlanNodeState);
      stores.states.upsert(state);
      return state as unknown as T;
    },
  };
  const labels = { ...NODE.metadata.labels, ...(init.place === undefined ? {} : { place: init.place }) };
  const nodeInfo = init.nodeBootId === undefined ? {} : { bootID: init.nodeBootId };
  stores.nodes.upsert(put({ metadata: { ...NODE.metadata, labels }, status: { nodeInfo } }));
  if (init.state !== undefined) stores.states.upsert(put(init.state));
  const agent = createAgent({
    nodeName: 'nas',
    bootId: 'boot-1',
    version: '1.2.3',
    stores,
    client,
    network: facts,
    plugins: { missing: async (wanted) => wanted.filter((name) => missing.includes(name)) },
    podLinks: {
      cache: { read: async () => links },
      sandboxes: {
        look: async (asked) => asked.map(({ netns }) => ({ lower: Number(netns), isRepaired: false })),
        repair: async () => {},
        close: async () => {},
      },
    },
    ...(init.cgroups === undefined
      ? {}
      : {
          remains: {
            cgroups: { read: async () => init.cgroups },
            filters: { read: async () => new Set<string>(), close: async () => {} },
          },
        }),
    listen: (onHint) => {
      hint = onHint;
      return () => {};
    },
    clock,
    logger: silentLogger(),
  });
  const ended = agent.run(stopping.signal);
  return {
    stores,
    facts,
    clock,
    written,
    faults,
    changesBefore,
    /** What CNI's result cache holds. Each link hangs on the NIC whose index is given as its namespace. */
    links,
    put: (object: MacvlanAttachment) => stores.attachments.upsert(put(object)),
    lacks: (...names: readonly string[]) => {
      missing = names;
    },
    notice: () => hint({ type: 'Lost' }),
    entry: () => written.at(-1)?.attachments?.[0],
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

export type World = ReturnType<typeof startAgent>;

export async function inWorld(world: World, check: (world: World) => Promise<void>): Promise<void> {
  try {
    await check(world);
  } finally {
    await world.stop();
  }
}

export const isReady = (world: World) => until('ready', () => world.entry()?.phase === 'Ready');
export const settled = () => new Promise((resolve) => setTimeout(resolve, 30));
