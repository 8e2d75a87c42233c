// The real network behind stdin and stdout: each line is a call, each line back its result.
import { createInterface } from 'node:readline';
import { loadAddon } from '../../../src/agent/netlink/addon.ts';
import { NetlinkNetwork } from '../../../src/agent/netlink/network.ts';
import type { Change } from '../../../src/domain/net/change.ts';

export type Call =
  | { readonly method: 'read' }
  | { readonly method: 'readLink'; readonly ifindex: number }
  | { readonly method: 'apply'; readonly changes: readonly Change[] };

const network = new NetlinkNetwork(loadAddon(process.argv[2] ?? ''));

for await (const line of createInterface({ input: process.stdin })) {
  const call = JSON.parse(line) as Call;
  const result =
    call.method === 'read'
      ? await network.read()
      : call.method === 'apply'
        ? await network.apply(call.changes)
        : ((await network.readLink(call.ifindex)) ?? null);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
await network.close();
