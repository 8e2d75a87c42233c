// The real network behind stdin and stdout: each line is a call, each line back its result.
import { createInterface } from 'node:readline';
import { loadAddon } from '../../../src/agent/netlink/addon.ts';
import { NetlinkNetwork } from '../../../src/agent/netlink/network.ts';
import type { Change } from '../../../src/domain/net/change.ts';

export type Call =
  | { readonly method: 'read' }
  | { readonly method: 'readLink'; readonly ifindex: number }
  | { readonly method: 'readProxied'; readonly ifindex: number }
  | { readonly method: 'apply'; readonly changes: readonly Change[] };

const network = new NetlinkNetwork(loadAddon(process.argv[2] ?? ''));

async function answerTo(call: Call): Promise<unknown> {
  if (call.method === 'read') return network.read();
  if (call.method === 'apply') return network.apply(call.changes);
  if (call.method === 'readProxied') return network.readProxied(call.ifindex);
  return (await network.readLink(call.ifindex)) ?? null;
}

for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line) as Call;
  process.stdout.write(`${JSON.stringify(await answerTo(call))}\n`);
}
await network.close();
