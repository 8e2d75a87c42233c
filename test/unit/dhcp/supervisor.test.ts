// What the supervisor makes of the daemon's words and of CNI's cache, with a plugin that answers as it is told.
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Clients } from '../../../src/dhcp/client-cache.ts';
import { Supervisor } from '../../../src/dhcp/supervisor.ts';
import type { CachedClient } from '../../../src/domain/dhcp/cached-client.ts';
import { clientOf } from '../../../src/domain/dhcp/lease-book.ts';
import type { DhcpReport } from '../../../src/domain/dhcp/protocol.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { until } from '../../support/until.ts';

const ADDRESS = '192.0.2.200/24';
const client = (container: string): CachedClient => ({
  container,
  network: 'lan',
  interface: 'net1',
  netns: `/run/netns/${container}`,
  cniArgs: '',
  config: {},
  address: ADDRESS,
});

let clients: CachedClient[];
let calls: string[];
let answer: (client: CachedClient, signal?: AbortSignal) => Promise<Readonly<Record<string, unknown>>>;
let look: 'Whole' | 'Bare' | 'Gone';
let dress: () => Promise<void>;
let reports: DhcpReport[];
let clock: FakeClock;
let supervisor: Supervisor;
let stopping: AbortController;

const given = (address = ADDRESS) => ({ ips: [{ address }] });
const says = (container: string, words: string) =>
  supervisor.hear(`2026/11/24 15:39:29 ${container}/lan/net1: ${words}`);
const bound = (container: string) =>
  says(container, 'lease acquired, expiration is 2026-11-24 16:39:29 +0000 UTC m=+1');
const start = () => void supervisor.run(stopping.signal);

beforeEach(() => {
  clients = [];
  calls = [];
  reports = [];
  clock = new FakeClock();
  stopping = new AbortController();
  answer = async () => given();
  look = 'Whole';
  dress = async () => {};
  supervisor = new Supervisor({
    cache: { read: async (): Promise<Clients> => new Map(clients.map((one) => [clientOf(one), one])) },
    plugin: {
      add: async (one, signal) => {
        calls.push(`ADD ${one.container}`);
        says(one.container, 'acquiring lease');
        const result = await answer(one, signal);
        bound(one.container);
        return result;
      },
      del: async (one) => void calls.push(`DEL ${one.container}`),
    },
    links: {
      look: async () => look,
      strip: async (one) => void calls.push(`strip ${one.container}`),
      dress: async (one) => {
        calls.push(`dress ${one.container}`);
        await dress();
      },
      switchOff: async (one) => void calls.push(`off ${one.container}`),
    },
    onReport: (report) => void reports.push(report),
    clock,
    logger: silentLogger(),
  });
});

describe('at its start', () => {
  test('each link of a pod that runs gets its lease again, and nobody else', async () => {
    clients = [client('a'), client('b')];
    says('b', 'acquiring lease');
    bound('b');
    start();
    const isHeld = () =>
      reports
        .at(-1)
        ?.leases.map(({ phase }) => phase)
        .join() === 'Bound,Bound';
    await until('both are held', isHeld);
    expect(calls).toEqual(['ADD a']);
    expect(reports.at(-1)).toMatchObject({ links: 2 });
    stopping.abort();
  });

  test('at most eight are asked for at a time', async () => {
    clients = Array.from({ length: 20 }, (_, i) => client(`c${i}`));
    let asking = 0;
    let most = 0;
    const go = Promise.withResolvers<void>();
    answer = async () => {
      most = Math.max(most, ++asking);
      await go.promise;
      asking--;
      return given();
    };
    start();
    await until('eight are asked for', () => asking === 8);
    go.resolve();
    await until('all are held', () => reports.at(-1)?.leases.length === 20 && asking === 0);
    expect(most).toBe(8);
    stopping.abort();
  });

  test('an address that is another one than the pod has is told', async () => {
    clients = [client('a')];
    answer = async () => given('192.0.2.77/24');
    start();
    await until('it is told', () => reports.at(-1)?.leases[0]?.otherAddress === '192.0.2.77/24');
    stopping.abort();
  });

  test('a link that is gone is no question without an answer', async () => {
    clients = [client('a')];
    answer = async () => {
      throw new Error('error looking up "net1": Link not found');
    };
    start();
    await until('it was tried', () => calls.length === 1);
    await until('nothing is left of it', () => supervisor.report.leases.length === 0);
    stopping.abort();
  });
});

describe('a lease that cannot be had again', () => {
  const refuses = (words: string) => async () => {
    throw new Error(words);
  };

  test('is asked for ever more rarely where the link is gone', async () => {
    clients = [client('a')];
    answer = refuses('error looking up "net1": Link not found');
    start();
    await clock.advance(3600_000);
    expect(calls.length).toBeLessThan(14);
    expect(calls.length).toBeGreaterThan(7);
    stopping.abort();
  });

  test('is asked for about once a minute where no server answers', async () => {
    clients = [client('a')];
    answer = refuses('error calling DHCP.Allocate: no more tries');
    start();
    await clock.advance(3600_000);
    expect(calls.length).toBeGreaterThan(45);
    expect(calls.length).toBeLessThan(65);
    stopping.abort();
  });

  test('keeps nobody waiting at the end', async () => {
    clients = Array.from({ length: 20 }, (_, i) => client(`c${i}`));
    answer = (_, signal) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    const running = supervisor.run(stopping.signal);
    await until('some are asked for', () => calls.length === 8);
    stopping.abort();
    await running;
    expect(calls).toHaveLength(8);
  });
});

describe('a lease that has expired', () => {
  const expire = async (container: string) => {
    says(container, 'acquiring lease');
    bound(container);
    says(container, 'lease expired, bringing interface DOWN');
    look = 'Bare';
  };
  const whole = ['strip a', 'DEL a', 'ADD a', 'dress a'];

  test('is asked for again, without the address that it was for, and is whole with the answer', async () => {
    clients = [client('a')];
    await expire('a');
    start();
    await until('it is held', () => supervisor.report.leases[0]?.phase === 'Bound');
    expect(calls).toEqual(whole);
    expect(supervisor.report.leases[0]).not.toHaveProperty('otherAddress');
    stopping.abort();
  });

  test('is told to be lost, and nobody to answer, until somebody does', async () => {
    clients = [client('a')];
    await expire('a');
    answer = async () => {
      await new Promise<void>((resolve) => void clock.after(60_000, resolve));
      throw new Error('error calling DHCP.Allocate: no more tries');
    };
    start();
    await clock.advance(300_000);
    const told = reports.filter(({ leases }) => leases.length > 0).slice(-1);
    expect(told[0]?.leases).toMatchObject([{ phase: 'Expired', server: 'Silent' }]);
    const changes = reports.length;
    await clock.advance(300_000);
    expect(reports).toHaveLength(changes);
    expect(calls.slice(0, 4)).toEqual(['strip a', 'DEL a', 'ADD a', 'off a']);
    answer = async () => given('192.0.2.9/24');
    await clock.advance(200_000);
    expect(supervisor.report.leases).toMatchObject([
      { phase: 'Bound', server: 'Answers', otherAddress: '192.0.2.9/24' },
    ]);
    stopping.abort();
  });

  test('is given up again where the link cannot be made whole with the answer, and asked for later', async () => {
    clients = [client('a')];
    await expire('a');
    dress = async () => {
      throw new Error('the kernel says no');
    };
    start();
    await until('it has failed', () => calls.includes('off a'));
    expect(calls).toEqual([...whole, 'DEL a', 'off a']);
    expect(supervisor.report.leases).toMatchObject([{ phase: 'Expired' }]);
    dress = async () => {};
    await clock.advance(60_000);
    expect(supervisor.report.leases).toMatchObject([{ phase: 'Bound' }]);
    stopping.abort();
  });

  test('is left alone when its link is gone: to be made again is the only way back', async () => {
    clients = [client('a')];
    await expire('a');
    look = 'Gone';
    start();
    await clock.advance(60_000);
    expect(calls).toEqual([]);
    expect(supervisor.report.leases).toMatchObject([{ phase: 'Expired' }]);
    stopping.abort();
  });

  test('is known by its link, too, when the daemon is another one by now', async () => {
    clients = [client('a')];
    look = 'Bare';
    start();
    await until('it is held', () => supervisor.report.leases[0]?.phase === 'Bound');
    expect(calls).toEqual(whole);
    stopping.abort();
  });

  test('is any other lease once the agent has made the link again', async () => {
    clients = [client('a')];
    await expire('a');
    answer = async () => {
      throw new Error('error calling DHCP.Allocate: no more tries');
    };
    start();
    await until('it is given up for now', () => calls.includes('off a'));
    await clock.advance(0);
    const name = { container: 'a', network: 'lan', interface: 'net1' };
    expect(await supervisor.release(name)).toEqual({ ok: 'Yes' });
    answer = async () => given();
    expect(await supervisor.allocate(name)).toMatchObject({ ok: 'Yes' });
    expect(supervisor.report.leases).toMatchObject([{ phase: 'Bound', server: 'Answers' }]);
    expect(calls.slice(-2)).toEqual(['DEL a', 'ADD a']);
    stopping.abort();
  });
});

describe('a lease that any server was asked for when its own did not renew it', () => {
  const rebound = (container: string) =>
    says(container, 'lease rebound, expiration is 2026-11-24 16:39:29 +0000 UTC m=+1');

  test('is compared with what the link has', async () => {
    clients = [client('a')];
    says('a', 'acquiring lease');
    bound('a');
    start();
    await supervisor.looked;
    answer = async () => given('192.0.2.77/24');
    rebound('a');
    await until('another address is told', () => supervisor.report.leases[0]?.otherAddress === '192.0.2.77/24');
    answer = async () => given();
    rebound('a');
    await until('it is the own one again', () => supervisor.report.leases[0]?.otherAddress === undefined);
    expect(supervisor.report.leases).toMatchObject([{ phase: 'Bound' }]);
    stopping.abort();
  });
});

describe('one lease', () => {
  const name = (container: string) => ({ container, network: 'lan', interface: 'net1' });

  test('is not asked for any more when it was got while it waited for its turn', async () => {
    clients = Array.from({ length: 9 }, (_, i) => client(`c${i}`));
    const go = Promise.withResolvers<void>();
    answer = async () => {
      await go.promise;
      return given();
    };
    start();
    await until('eight are asked for', () => calls.length === 8);
    bound('c8');
    go.resolve();
    await until('all are held', () => supervisor.report.leases.every(({ phase }) => phase === 'Bound'));
    await clock.advance(20_000);
    expect(calls).not.toContain('ADD c8');
    stopping.abort();
  });

  test('is given up and asked for by one at a time', async () => {
    clients = [client('a')];
    const go = Promise.withResolvers<void>();
    answer = async () => {
      await go.promise;
      return given();
    };
    start();
    await until('it is asked for', () => calls.length === 1);
    for (const answered of [await supervisor.release(name('a')), await supervisor.allocate(name('a'))])
      expect(answered).toEqual({ ok: 'No', because: 'no DHCP server answers' });
    expect(calls).toEqual(['ADD a']);
    go.resolve();
    await until('it is held', () => supervisor.report.leases[0]?.phase === 'Bound');
    await clock.advance(0);
    expect(await supervisor.release(name('a'))).toEqual({ ok: 'Yes' });
    stopping.abort();
  });
});

describe('a server that does not answer', () => {
  test('is told after ten seconds, and no longer when it does', async () => {
    says('new', 'acquiring lease');
    start();
    await supervisor.looked;
    await clock.advance(9_000);
    expect(supervisor.report.leases).toMatchObject([{ server: 'Answers' }]);
    await clock.advance(2_000);
    expect(supervisor.report.leases).toMatchObject([{ phase: 'Asking', server: 'Silent' }]);
    bound('new');
    expect(supervisor.report.leases).toMatchObject([{ phase: 'Bound', server: 'Answers' }]);
    stopping.abort();
  });
});

describe('a pod that is being started', () => {
  test('counts from the first question until it has long been nobody, so that the daemon stays for its end', async () => {
    start();
    await supervisor.looked;
    says('new', 'acquiring lease');
    await clock.advance(60_000);
    expect(supervisor.report).toMatchObject({ links: 1 });
    await clock.advance(30_000);
    expect(supervisor.report).toMatchObject({ links: 0, leases: [] });
    stopping.abort();
  });

  test('counts once when CNI has written it down', async () => {
    says('new', 'acquiring lease');
    bound('new');
    clients = [client('new')];
    start();
    await supervisor.looked;
    expect(supervisor.report).toMatchObject({ links: 1 });
    stopping.abort();
  });
});

describe('a lease that was given back', () => {
  test('is not asked for while its file is still there', async () => {
    clients = [client('a')];
    says('a', 'acquiring lease');
    bound('a');
    start();
    await supervisor.looked;
    says('a', 'releasing lease');
    await clock.advance(30_000);
    expect(calls).toEqual([]);
    clients = [];
    await clock.advance(30_000);
    expect(supervisor.report).toMatchObject({ links: 0, leases: [] });
    stopping.abort();
  });
});

describe('the agent', () => {
  const name = { container: 'a', network: 'lan', interface: 'net1' };

  test('has a lease forgotten and asked for anew', async () => {
    clients = [client('a')];
    says('a', 'acquiring lease');
    says('a', 'interface net1 no longer exists or link check failed, terminating lease maintenance');
    expect(await supervisor.release(name)).toEqual({ ok: 'Yes' });
    expect(supervisor.report.leases).toEqual([]);
    expect(await supervisor.allocate(name)).toEqual({ ok: 'Yes', result: given() });
    expect(calls).toEqual(['DEL a', 'ADD a']);
  });

  test("is told what the plugin says, and nothing is done for what CNI's cache does not know", async () => {
    expect(await supervisor.allocate(name)).toMatchObject({
      ok: 'No',
      because: expect.stringContaining('result cache'),
    });
    clients = [client('a')];
    answer = async () => {
      throw new Error('error calling DHCP.Allocate: no more tries');
    };
    expect(await supervisor.allocate(name)).toMatchObject({
      ok: 'No',
      because: expect.stringContaining('no more tries'),
    });
  });
});
