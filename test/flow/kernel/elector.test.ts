// Candidates as processes of their own, on one real Lease: killed, frozen, cut off, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from '@jest/globals';
import { LEASE } from '../../../src/kernel/leader/lease.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { clientFor } from '../../support/kube.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';

const controlPlane = useControlPlane();
const SHORT = { leaseMs: 3000, renewMs: 2000, retryMs: 400 };
const LONG = { leaseMs: 120_000, renewMs: 80_000, retryMs: 400 };
const namespace = 'kube-system';

/** One candidate, and what it said. */
class Candidate {
  /** Times of its work, in milliseconds of the machine's monotonic clock. */
  readonly work: number[] = [];
  exitCode: number | undefined;
  readonly #child: ChildProcess;

  constructor(settings: object) {
    const script = new URL('candidate.ts', import.meta.url).pathname;
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.on('exit', (code) => {
      this.exitCode = code ?? 128;
    });
    if (this.#child.stdout === null) throw new Error('no pipe');
    createInterface(this.#child.stdout).on('line', (line) => {
      if (line.startsWith('work ')) this.work.push(Number(line.slice(5)));
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  get first(): number {
    return this.work[0] ?? Number.POSITIVE_INFINITY;
  }

  get last(): number {
    return this.work.at(-1) ?? Number.NEGATIVE_INFINITY;
  }
}

const candidates: Candidate[] = [];
const wires: TcpProxy[] = [];
afterEach(async () => {
  for (const one of candidates.splice(0)) one.signal('SIGKILL');
  for (const one of wires.splice(0)) await one.stop();
});

async function stand(identity: string, name: string, times: object): Promise<{ candidate: Candidate; wire: TcpProxy }> {
  const { url, token, ca } = controlPlane();
  const wire = new TcpProxy(new URL(url));
  await wire.start();
  wires.push(wire);
  const server = { url: `https://127.0.0.1:${wire.port}`, token, ca };
  const candidate = new Candidate({ server, identity, lease: { namespace, name }, times });
  candidates.push(candidate);
  return { candidate, wire };
}

async function leaderAndFollower(name: string, times: object) {
  const { candidate: leader, wire } = await stand('first', name, times);
  await until('the first leads', () => leader.work.length > 2);
  const { candidate: follower } = await stand('second', name, times);
  return { leader, follower, wire };
}

const holderOf = async (name: string) =>
  (await clientFor(controlPlane()).get(LEASE, { namespace, name }))?.spec?.holderIdentity;

describe('of two candidates', () => {
  test('one works, and the other takes over without waiting when the first is ended in order', async () => {
    const { leader, follower } = await leaderAndFollower('ended', LONG);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(follower.work).toEqual([]);
    leader.signal('SIGTERM');
    await until('the second leads', () => follower.work.length > 2); // long before the lease would expire
    expect(leader.exitCode).toBe(0);
    expect(leader.last).toBeLessThan(follower.first);
    expect(await holderOf('ended')).toBe('second');
  }, 30_000);

  test('the second takes over when the first is killed, but not before the lease has expired', async () => {
    const { leader, follower } = await leaderAndFollower('killed', SHORT);
    leader.signal('SIGKILL');
    await until('the second leads', () => follower.work.length > 2);
    expect(follower.first - leader.last).toBeGreaterThan(2000); // the last renewal may be 400 ms older than the last work
  }, 30_000);

  test('the first does nothing more when it wakes up after it was frozen, and ends', async () => {
    const { leader, follower } = await leaderAndFollower('frozen', SHORT);
    leader.signal('SIGSTOP');
    await until('the second leads', () => follower.work.length > 2);
    const before = leader.work.length;
    leader.signal('SIGCONT');
    await until('the first ends', () => leader.exitCode !== undefined);
    expect(leader.exitCode).toBe(1);
    expect(leader.work.length).toBe(before);
    expect(leader.last).toBeLessThan(follower.first);
  }, 30_000);

  test('the first ends itself when it is cut off, before the second begins', async () => {
    const { leader, follower, wire } = await leaderAndFollower('cut-off', SHORT);
    wire.freeze();
    await until('the second leads', () => follower.work.length > 2);
    expect(leader.exitCode).toBe(1);
    expect(leader.last).toBeLessThan(follower.first);
  }, 30_000);

  test('the first stays through a short interruption and a restart of the API server', async () => {
    const { leader, follower, wire } = await leaderAndFollower('restarted', { ...LONG, retryMs: 200 });
    wire.cut();
    await controlPlane().restartApiServer();
    const worked = leader.work.length;
    await until('it goes on', () => leader.work.length > worked + 20);
    expect([leader.exitCode, follower.work.length]).toEqual([undefined, 0]);
    expect(await holderOf('restarted')).toBe('first');
  }, 60_000);
});

test('a candidate that waits ends in order when it is told to', async () => {
  const { follower } = await leaderAndFollower('waiting', LONG);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  follower.signal('SIGTERM');
  await until('it ends', () => follower.exitCode !== undefined);
  expect(follower.exitCode).toBe(0);
  expect(await holderOf('waiting')).toBe('first');
}, 30_000);
