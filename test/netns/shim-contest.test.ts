// Somebody keeps undoing a shim, every ten milliseconds: the agent gives way, says so and who it is where the kernel tells, takes
// little of the processor meanwhile, and puts all back in peace. CONTEST_SECONDS=60 makes each round that long.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Change } from '../../src/domain/net/change.ts';
import { isEqual } from '../../src/domain/objects/equal.ts';
import type { ContestLimits } from '../../src/domain/shim/contest.ts';
import { until } from '../support/until.ts';
import { LabAgent, ROUTED } from './support/agent.ts';
import { addIPv6, ipv6PartsOf, POD, POD_IP6, podWith, WHOLE } from './support/dual-stack.ts';
import type { Lab } from './support/lab.ts';
import { NIC_MAC, NODE_IP, plugPod, startLan } from './support/lan.ts';
import { RemoteNetwork } from './support/remote-network.ts';

const SECONDS = Number(process.env['CONTEST_SECONDS'] ?? 4);
/** Ticks of the kernel's accounting per second, on every Linux. */
const TICKS = 100;
/** Of one processor. In peace it is next to nothing; without giving way it would be most of one. */
const MOST_OF_A_CORE = 0.2;
/** Like the real ones, with a shorter rest. */
const CONTEST = { repairs: 12, windowMs: 3000, firstPauseMs: 1000, longestPauseMs: 2000 };

jest.setTimeout(60_000 + 2000 * SECONDS);

let lab: Lab;
let agent: LabAgent;
let shim: string;

beforeEach(async () => {
  lab = await startLan(['pod']);
  await addIPv6(lab);
});

async function begin(contest: ContestLimits): Promise<void> {
  agent = LabAgent.start(lab, 'node', { contest });
  agent.putAttachment(ROUTED);
  await agent.hasEntry('lan', 'Ready');
  await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
  await lab.ip('pod', `-6 addr add ${POD_IP6}/64 dev net1 nodad`);
  agent.putPod(podWith([POD.ip, POD_IP6]));
  shim = agent.status.shims?.[0]?.name ?? '';
  await isWhole();
}

afterEach(async () => {
  await agent.stop();
  await lab.stop();
});

async function isWhole(): Promise<void> {
  const look = async () => {
    const parts = await ipv6PartsOf(lab, shim).catch(() => undefined);
    const routes = await lab.ip('node', `route show dev ${shim}`).catch(() => '');
    return isEqual(parts, WHOLE) && routes.includes(POD.ip);
  };
  await until('a whole shim', look, 30_000);
}

/** What the process has used of the processor so far, in seconds. */
function usedBy(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

const problem = () => agent.entry('lan')?.problems?.find(({ reason }) => reason === 'ShimContested');

interface Disturbance {
  readonly pid?: number;
  readonly end: () => Promise<void>;
}

/** These programs, again and again. */
function byProgram(script: string): Disturbance {
  const child: ChildProcess = lab.spawn('node', ['sh', '-c', `while :; do ${script}; sleep 0.01; done 2>/dev/null`]);
  return {
    async end() {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

/** One process that makes these changes in turn. */
async function byProcess(changes: (ifindex: number) => readonly Change[]): Promise<Disturbance> {
  const [link] = await lab.show<{ ifindex: number }>('node', `link show dev ${shim}`);
  const all = changes(link?.ifindex ?? 0);
  const network = new RemoteNetwork(lab, 'node');
  let isOver = false;
  const work = async () => {
    for (let at = 0; !isOver; at++) {
      await network.apply(all.slice(at % all.length, (at % all.length) + 1));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const done = work();
  return {
    pid: network.pid,
    async end() {
      isOver = true;
      await done;
      await network.close();
    },
  };
}

const FOREIGN = { address: '10.9.0.77', prefixLength: 32 };
const undone: readonly (readonly [
  what: string,
  begin: () => Disturbance | Promise<Disturbance>,
  limits?: ContestLimits,
])[] = [
  ['deletes the shim', () => byProgram(`ip link del ${shim}`)],
  ['switches it off', () => byProgram(`ip link set ${shim} down`)],
  [
    'clears arp_filter',
    () => byProgram(`echo 0 > /proc/sys/net/ipv4/conf/${shim}/arp_filter`),
    // The kernel does not announce it: it is looked for once a second.
    { ...CONTEST, repairs: 2, windowMs: 5000 },
  ],
  [
    'deletes the route of a pod',
    () => byProcess((ifindex) => [{ type: 'RemoveRoute', ifindex, destination: POD.ip, prefixLength: 32, metric: 0 }]),
  ],
  [
    'deletes the neighbour of a pod',
    () => byProcess((ifindex) => [{ type: 'RemoveNeighbour', ifindex, address: POD_IP6, mac: POD.mac }]),
  ],
  [
    'deletes its address',
    () => byProcess((ifindex) => [{ type: 'RemoveAddress', ifindex, address: NODE_IP, prefixLength: 32 }]),
  ],
  [
    'gives it an address and takes it away again',
    () =>
      byProcess((ifindex) => [
        { type: 'AddAddress', ifindex, ...FOREIGN },
        { type: 'RemoveAddress', ifindex, ...FOREIGN },
      ]),
  ],
];

describe('whoever every ten milliseconds', () => {
  test.each(undone)(
    '%s is given way to and told, at little cost, and all is well again afterwards',
    async (what, start, limits = CONTEST) => {
      await begin(limits);
      const before = usedBy(agent.pid);
      const began = performance.now();
      const { pid, end } = await start();
      await until('it is told', () => problem() !== undefined, 40_000);
      const told = agent.statuses.length;
      await new Promise((resolve) => setTimeout(resolve, 1000 * SECONDS));
      const named = problem()?.message;
      await end();
      const seconds = (performance.now() - began) / 1000;
      const used = usedBy(agent.pid) - before;
      console.log(
        `${what} for ${seconds.toFixed(1)} s: ${used.toFixed(2)} s of the processor (${((100 * used) / seconds).toFixed(1)} %), ` +
          `${agent.statuses.length - told} reports after the first`,
      );
      expect(used / seconds).toBeLessThan(MOST_OF_A_CORE);
      expect(agent.statuses.length - told).toBeLessThan(10 + 2 * SECONDS);
      if (pid !== undefined) expect(named).toContain(`The kernel names the process ${pid} `);
      await isWhole();
      await agent.hasEntry('lan', 'Ready');
      expect(await lab.macsOf('router', 'sw0', NODE_IP, 3)).toEqual([NIC_MAC]);
    },
  );
});
