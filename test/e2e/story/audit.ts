// The audit: what the operator may do, what it did, and what the LAN saw. Grants nobody used are as bad as requests refused.
import { type Use, unusedGrants, usesIn } from '../audit-log.ts';
import { type Chapter, kubectl, kubeJson, OPERATOR_NAMESPACE, type World } from '../world.ts';

const NET_ADMIN = 1n << 12n;

export const privileges: Chapter = {
  title: 'What the agent may do',
  tell: async (world) => {
    for (const node of world.cluster.nodes) {
      const status = await agentStatus(world, node.name);
      const own = /^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0';
      world.stage.say(`/proc/PID/status of the agent on ${node.name}: CapEff ${own}`);
      world.stage.check(`the agent on ${node.name} has NET_ADMIN and nothing else`, BigInt(`0x${own}`) === NET_ADMIN);
    }
    for (const account of ['macvlan-controller', 'macvlan-agent']) {
      const who = `system:serviceaccount:${OPERATOR_NAMESPACE}:${account}`;
      await kubectl(world, ['auth', 'can-i', '--list', `--as=${who}`, '-n', OPERATOR_NAMESPACE]);
    }
  },
};

/** The kernel's word on the agent's process, found through its pod's container id. */
async function agentStatus(world: World, node: string): Promise<string> {
  const pods = await kubeJson<{ items: readonly AgentPod[] }>(world, [
    ...['-n', OPERATOR_NAMESPACE, 'get', 'pods', '-l', 'app.kubernetes.io/name=macvlan-agent'],
  ]);
  const pod = pods.items.find((item) => item.spec.nodeName === node);
  return world.cluster.containerStatus(node, pod?.status.containerStatuses?.[0]?.containerID ?? '');
}

interface AgentPod {
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly containerStatuses?: readonly { readonly containerID: string }[] };
}

export const judgement: Chapter = {
  title: 'The books',
  tell: async (world) => {
    await lanWasNotLiedTo(world);
    const uses = await usesIn(world.cluster.auditLog, `system:serviceaccount:${OPERATOR_NAMESPACE}:`);
    const refused = uses.filter((use) => use.code === 403 || use.code === 401);
    for (const use of refused) world.stage.say(`refused: ${describe(use)}`);
    world.stage.check(
      'nothing that the operator asked of the API server was refused',
      refused.length === 0,
      `${uses.length} kinds of request`,
    );
    // Events that repeat are written once a minute at most: the last grant may be used a while after the story's end.
    await world.stage.eventually('no grant of the chart went unused', () => allUsed(world), {
      timeoutMs: 90_000,
      everyMs: 1000,
    });
  },
};

async function allUsed(world: World): Promise<boolean> {
  const uses = await usesIn(world.cluster.auditLog, `system:serviceaccount:${OPERATOR_NAMESPACE}:`);
  const unused = await unusedGrants(world, uses);
  if (unused.length > 0) throw new Error(`granted but not used: ${unused.join('; ')}`);
  return true;
}

function describe(use: Use): string {
  return `${use.account} ${use.verb} ${use.resource} (${use.code})`;
}

/** Frames that a shim may send into the LAN, and why each is harmless. IPv4 host access needs none. */
const EXPLAINED: readonly (readonly [RegExp, string])[] = [];

async function lanWasNotLiedTo(world: World): Promise<void> {
  const { stage, cluster } = world;
  const addresses = new Set(cluster.nodes.map((node) => node.lanAddress));
  const verdict = await world.sniffer?.judge(world.shimMacs, addresses);
  if (verdict === undefined) return stage.check('the sniffer ran', false);
  stage.say(`${verdict.frames} frames seen in the LAN; shims: ${[...world.shimMacs].join(', ')}`);
  stage.check(
    'the sniffer saw the story',
    verdict.frames > 100 && verdict.drops === 0 && world.shimMacs.size >= 2,
    `${verdict.frames} frames, ${verdict.drops} missed`,
  );
  stage.check(
    "no ARP packet ever bound a node's address to a shim's MAC",
    verdict.lies.length === 0,
    verdict.lies[0] ?? '',
  );
  const unexplained = [...verdict.fromShims].filter(([kind]) => !EXPLAINED.some(([pattern]) => pattern.test(kind)));
  for (const [kind, count] of verdict.fromShims) stage.say(`from a shim: ${count} × ${kind}`);
  stage.check(
    'every other frame from a shim is explained',
    unexplained.length === 0,
    `${unexplained.length} kinds unexplained`,
  );
}
