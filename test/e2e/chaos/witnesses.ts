// Two witnesses of who has which address, for as long as the chaos lasts: the kernel, in every pod's namespace of all nodes, and the
// LAN, whose machines answer when they are asked. Neither knows anything of Kubernetes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cluster } from '../../cluster/cluster.ts';

/** A macvlan link in a pod's namespace. */
export interface HeldLink {
  readonly key: string;
  readonly node: string;
  /** Name of the namespace. */
  readonly place: string;
  readonly mac: string;
  readonly up: boolean;
  readonly ips: readonly string[];
}

/** An address that two had at one moment: the links, or the answers on the LAN with the port of the switch. */
export interface Twice {
  readonly witness: 'kernel' | 'LAN';
  readonly address: string;
  /** Seconds since 1970. */
  readonly at: number;
  readonly places: readonly string[];
}

/** How closely was looked; figures of nothing seen say nothing without them. */
export interface Diligence {
  /** How often all namespaces were looked at, and how long the longest look took, in seconds. */
  readonly looks: number;
  readonly longestLook: number;
  readonly questions: number;
  readonly frames: number;
  /** Frames that were missed: must be none. */
  readonly drops: number;
}

export interface Witnesses {
  /** Everything that was seen twice so far. */
  readonly twice: readonly Twice[];
  /** The links that there are now. */
  held(): readonly HeldLink[];
  /** What was seen of an address of late, for a report. */
  historyOf(address: string): readonly string[];
  end(): Promise<Diligence>;
}

export interface AddressSpan {
  readonly from: string;
  readonly to: string;
}

interface Line {
  readonly t: number;
  readonly event: 'start' | 'held' | 'answered' | 'twice' | 'end';
  readonly address?: string;
  readonly links?: readonly HeldLink[];
  readonly gone?: readonly string[];
  readonly answers?: readonly { readonly port: string; readonly mac: string }[];
  readonly looks?: number;
  readonly longest?: number;
  readonly asked?: number;
  readonly frames?: number;
  readonly drops?: number;
}

const LINES_KEPT = 4000;

/** Starts both; resolves when both are at work. */
export async function startWitnesses(cluster: Cluster, span: AddressSpan): Promise<Witnesses> {
  const folders = cluster.nodes.map((node) => `${node.name}=${join(node.root, 'run/netns')}`);
  const kernel = spawn(cluster.toolbox, ['holders', '--every', '0.2', ...folders], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lan = cluster.lan.spawn(answersArgv(cluster, span));
  const twice: Twice[] = [];
  const links = new Map<string, HeldLink>();
  const history: string[] = [];
  let last: Partial<Line> = {};
  const take = (witness: Twice['witness'], line: Line) => {
    for (const link of line.links ?? []) if (line.event === 'held') links.set(link.key, link);
    for (const key of line.gone ?? []) {
      history.push(`${line.t} ${witness}: gone ${addressesOf(links.get(key))}`);
      links.delete(key);
    }
    if (line.event === 'twice') twice.push(twiceIn(witness, line));
    if (line.event === 'end') last = { ...last, ...line };
    if (line.event !== 'start') history.push(`${line.t} ${witness}: ${line.event} ${textOf(line)}`);
    history.splice(0, history.length - LINES_KEPT);
  };
  const ended = [reading(kernel, (line) => take('kernel', line)), reading(lan, (line) => take('LAN', line))];
  return {
    twice,
    held: () => [...links.values()],
    historyOf: (address) => history.filter((text) => text.includes(address)).slice(-40),
    end: async () => {
      for (const child of [kernel, lan]) child.kill('SIGTERM');
      await Promise.all(ended);
      const { looks = 0, longest = 0, asked = 0, frames = 0, drops = 0 } = last;
      return { looks, longestLook: longest, questions: asked, frames, drops };
    },
  };
}

function answersArgv({ toolbox, lan }: Cluster, { from, to }: AddressSpan): readonly string[] {
  return [toolbox, 'answers', '--bridge', lan.bridge, '--from', from, '--to', to, '--every', '1'];
}

async function reading(child: ChildProcess, take: (line: Line) => void): Promise<void> {
  const exit = once(child, 'exit');
  child.stderr?.on('data', (text: Buffer) => process.stderr.write(text));
  if (child.stdout !== null) {
    for await (const text of createInterface({ input: child.stdout })) take(JSON.parse(text) as Line);
  }
  await exit;
}

function twiceIn(witness: Twice['witness'], { t, address = '', links = [], answers = [] }: Line): Twice {
  const places = [
    ...links.map(({ node, place, mac, up }) => `${node}/${place} ${mac}${up ? '' : ' (down)'}`),
    ...answers.map(({ port, mac }) => `${mac} behind ${port}`),
  ];
  return { witness, address, at: t, places };
}

function textOf({ address = '', links = [], answers = [] }: Line): string {
  return [
    address,
    ...links.map((link) => `${link.node}/${link.place} ${addressesOf(link)}${link.up ? '' : ' down'}`),
    ...answers.map(({ port, mac }) => `${mac} behind ${port}`),
  ].join(' ');
}

function addressesOf(link: HeldLink | undefined): string {
  return link === undefined ? '' : `${link.mac} ${link.ips.join(' ')}`;
}
