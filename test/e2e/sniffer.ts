// Writes down every frame that the nodes send into the LAN, for the whole story, and judges them at the end.
import type { ChildProcess } from 'node:child_process';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../cluster/cluster.ts';

/** One frame as the test program writes it. */
interface Frame {
  readonly src: string;
  readonly dst: string;
  readonly ethertype: string;
  readonly arp?: { readonly op: string; readonly sha: string; readonly spa: string; readonly tpa: string };
  readonly ip?: { readonly src: string; readonly dst: string; readonly proto: string };
  readonly ipv6?: { readonly src: string; readonly dst: string; readonly proto: string };
  readonly icmp6?: { readonly type: string };
}

export interface Verdict {
  readonly frames: number;
  /** Frames that the sniffer could not keep up with: must be none, or the verdict is worth nothing. */
  readonly drops: number;
  /** ARP answers for a node's address that carried a shim's MAC: must be none. */
  readonly lies: readonly string[];
  /** Every other frame that a shim sent into the LAN, by kind. */
  readonly fromShims: ReadonlyMap<string, number>;
}

export interface Sniffer {
  /** Stops listening and reads what was written down. */
  judge(shimMacs: ReadonlySet<string>, nodeAddresses: ReadonlySet<string>): Promise<Verdict>;
}

/** Listens on the LAN's switch, which forwards every frame of every port past the listener. Resolves when it is listening. */
export async function startSniffer(cluster: Cluster): Promise<Sniffer> {
  const file = join(cluster.stateDir, 'lan-frames.jsonl');
  const child = cluster.lan.spawn([cluster.toolbox, 'sniff', '--iface', cluster.lan.bridge, '--out', file]);
  while (!existsSync(file) || statSync(file).size === 0) {
    if (child.exitCode !== null) throw new Error('the sniffer ended at once');
    await sleep(50);
  }
  return {
    judge: async (shimMacs, nodeAddresses) => {
      await ended(child);
      return judgeFile(file, shimMacs, nodeAddresses);
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}

async function judgeFile(
  file: string,
  shimMacs: ReadonlySet<string>,
  nodeAddresses: ReadonlySet<string>,
): Promise<Verdict> {
  let frames = 0;
  let drops = 0;
  const lies: string[] = [];
  const fromShims = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const frame = JSON.parse(line) as Partial<Frame> & { readonly drops?: number };
    if (frame.src === undefined) {
      drops += frame.drops ?? 0; // the first and the last line are about the sniffer itself
      continue;
    }
    frames += 1;
    if (isLie(frame as Frame, shimMacs, nodeAddresses)) lies.push(line);
    if (!shimMacs.has(frame.src)) continue;
    const kind = kindOf(frame as Frame);
    fromShims.set(kind, (fromShims.get(kind) ?? 0) + 1);
  }
  return { frames, drops, lies, fromShims };
}

/** An ARP packet, answer or announcement, that binds a node's address to a shim's MAC would teach the LAN the wrong thing. */
function isLie(frame: Frame, shimMacs: ReadonlySet<string>, nodeAddresses: ReadonlySet<string>): boolean {
  return frame.arp !== undefined && shimMacs.has(frame.arp.sha) && nodeAddresses.has(frame.arp.spa);
}

function kindOf(frame: Frame): string {
  if (frame.arp !== undefined) return `ARP ${frame.arp.op} for ${frame.arp.tpa}`;
  if (frame.ipv6 !== undefined) return `IPv6 ${frame.icmp6?.type ?? frame.ipv6.proto} to ${frame.ipv6.dst}`;
  if (frame.ip !== undefined) return `IPv4 ${frame.ip.proto} to ${frame.ip.dst}`;
  return `ethertype ${frame.ethertype}`;
}
