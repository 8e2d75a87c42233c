// Inside the node's namespace: deletes the shim again and again, and times by the kernel's own events when it is back.
import { loadAddon } from '../../src/agent/netlink/addon.ts';
import { listen } from '../../src/agent/netlink/events.ts';
import { NetlinkNetwork } from '../../src/agent/netlink/network.ts';
import type { Hint } from '../../src/agent/ports.ts';
import type { Change } from '../../src/domain/net/change.ts';
import type { Link } from '../../src/domain/net/network.ts';
import { diffShim } from '../../src/domain/shim/diff.ts';
import type { ShimPlan } from '../../src/domain/shim/plan.ts';
import { applyChange } from '../support/network.ts';

/** Milliseconds from the request to delete until the link, and until everything, was there again. */
export interface Sample {
  readonly link: number;
  readonly all: number;
}

const [, , addonPath = '', mode = 'agent', rounds = '100', pods = '100'] = process.argv;
const addon = loadAddon(addonPath);
const network = new NetlinkNetwork(addon);
/** A socket of its own for putting back: the deleting one waits until the kernel has cleared up, which takes 20 ms. */
const maker = new NetlinkNetwork(addon);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const POD_COUNT = Number(pods);

/** Counts what comes back to the link after a deletion. */
class Watch {
  readonly start = performance.now();
  readonly #name: string;
  readonly #old: number;
  readonly #seen = { Address: new Set<string>(), Route: 0, Neighbour: 0 };
  #index = 0;
  gone = false;
  link = 0;
  all = 0;

  constructor(shim: Link) {
    this.#name = shim.name;
    this.#old = shim.ifindex;
  }

  take(hint: Hint): void {
    if (hint.type === 'Link' && hint.ifindex === this.#old && hint.isGone) this.gone = true;
    if (hint.type === 'Link' && hint.name === this.#name && !hint.isGone && hint.ifindex !== this.#old) {
      if (this.#index === 0) this.link = performance.now() - this.start;
      this.#index = hint.ifindex;
    }
    if (hint.type === 'Address' && hint.ifindex === this.#index) this.#seen.Address.add('own');
    if (hint.type === 'Route' && hint.links.includes(this.#index)) this.#seen.Route += 1;
    if (hint.type === 'Neighbour' && hint.ifindex === this.#index) this.#seen.Neighbour += 1;
    if (this.all === 0 && this.#isAll()) this.all = performance.now() - this.start;
  }

  #isAll(): boolean {
    const { Address, Route, Neighbour } = this.#seen;
    return Address.size > 0 && Route >= POD_COUNT && Neighbour >= POD_COUNT;
  }
}

let watch: Watch | undefined;
let onGone: (() => void) | undefined;
const stop = listen(addon, (hint) => {
  watch?.take(hint);
  if (watch?.gone === true && onGone !== undefined) {
    const react = onGone;
    onGone = undefined;
    react();
  }
});

async function find(): Promise<Link> {
  for (;;) {
    const shim = (await network.read()).links.find((link) => link.name.startsWith('mvs-'));
    if (shim !== undefined) return shim;
    await pause(5);
  }
}

async function sample(shim: Link, react?: () => void): Promise<Sample> {
  onGone = react;
  const current = new Watch(shim);
  watch = current;
  await network.apply([{ type: 'DeleteLink', ifindex: shim.ifindex, name: shim.name }]);
  const end = performance.now() + 10_000;
  while (current.all === 0) {
    if (performance.now() > end) throw new Error('the shim did not come back');
    await pause(1);
  }
  return { link: current.link, all: current.all };
}

/** The messages that make a whole shim: what the agent would send, written down beforehand. */
async function recipe(): Promise<() => Promise<void>> {
  const facts = await network.read();
  const shim = await find();
  const own = facts.addresses.filter((a) => a.ifindex === shim.ifindex).map((a) => a.address);
  const plan: ShimPlan = {
    name: shim.name,
    mac: shim.mac,
    mtu: shim.mtu,
    parent: shim.lower ?? 0,
    addresses: own,
    proxied: [],
    attachments: [],
    pods: facts.neighbours.map(({ address, mac }) => ({ address, mac, source: own[0] ?? '' })),
  };
  const steps = rehearse(plan, {
    ...facts,
    links: facts.links.filter((l) => l !== shim && l.ifindex !== shim.ifindex),
  });
  return async () => {
    let index = 0;
    for (const step of steps) {
      await maker.apply(
        step.map((change) => ('ifindex' in change && index > 0 ? { ...change, ifindex: index } : change)),
      );
      if (index === 0) index = (await maker.read()).links.find((link) => link.name === plan.name)?.ifindex ?? 0;
    }
  };
}

/** The batches of changes, one per round, from a node without the shim. */
function rehearse(plan: ShimPlan, without: Awaited<ReturnType<typeof network.read>>): readonly (readonly Change[])[] {
  const steps: (readonly Change[])[] = [];
  let facts = { ...without, addresses: without.addresses, routes: [], neighbours: [] } as typeof without;
  for (let changes = diffShim(plan, facts); changes.length > 0; changes = diffShim(plan, facts)) {
    steps.push(changes);
    for (const change of changes) {
      const after = applyChange(facts, change);
      if (typeof after !== 'string') facts = after;
    }
  }
  return steps;
}

async function measure(): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const made = mode === 'agent' ? undefined : await recipe();
  for (let i = 0; i < Number(rounds) + 5; i++) {
    const shim = await find();
    const react = made === undefined ? undefined : () => void made();
    samples.push(await sample(shim, react));
    watch = undefined;
    await pause(20);
  }
  return samples.slice(5); // the first ones are compiled while they run
}

const samples = await measure();
process.stdout.write(`${JSON.stringify(samples)}\n`);
stop();
await Promise.all([network.close(), maker.close()]);
