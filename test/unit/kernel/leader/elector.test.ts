import { describe, expect, test } from '@jest/globals';
import { Elector } from '../../../../src/kernel/leader/elector.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { FakeLeases, type LeaseConnection } from '../../../support/fake-leases.ts';
import { silentLogger } from '../../../support/silent-logger.ts';

interface Candidate {
  readonly elector: Elector;
  readonly connection: LeaseConnection;
  readonly lost: () => string;
  readonly stop: AbortController;
}

function setUp() {
  const clock = new FakeClock();
  const server = new FakeLeases();
  const candidate = (identity: string, wallClock = new FakeClock(1_700_000_000_000)): Candidate => {
    const connection = server.connect();
    const elector = new Elector({
      client: connection,
      lease: { namespace: 'macvlan-system', name: 'controller' },
      identity,
      logger: silentLogger(),
      clock,
      wallClock,
    });
    let lost = '';
    void elector.lost.then((error) => {
      lost = error.message;
    });
    const stop = new AbortController();
    void elector.campaign(stop.signal);
    return { elector, connection, stop, lost: () => lost };
  };
  return { clock, server, candidate };
}

describe('the elector', () => {
  test('takes a lease that nobody has made yet, with times of six digits', async () => {
    const { clock, server, candidate } = setUp();
    const a = candidate('a');
    await clock.advance(0);
    expect(a.elector.leads).toBe(true);
    expect(server.lease?.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2023-11-14T22:13:20.000000Z',
      renewTime: '2023-11-14T22:13:20.000000Z',
      leaseTransitions: 0,
    });
  });

  test.each(['leads', 'follows'])(
    'ends the process that %s when the data of the API server was put back',
    async (who) => {
      const { clock, server, candidate } = setUp();
      const a = candidate('a');
      await clock.advance(0);
      const b = candidate('b');
      await clock.advance(4_000);
      const { lease } = server;
      await clock.advance(10_000);
      expect([a.lost(), b.lost()]).toEqual(['', '']);
      // The backup that was taken ten seconds ago.
      server.lease = lease;
      await clock.advance(3_000);
      expect((who === 'leads' ? a : b).lost()).toContain('restored from a backup');
      expect([a.elector.leads, b.elector.leads]).toEqual([false, false]);
      const { writes } = a.connection;
      await clock.advance(10_000);
      expect(a.connection.writes).toBe(writes);
    },
  );

  test('renews every two seconds with one write each', async () => {
    const { clock, candidate } = setUp();
    const a = candidate('a');
    await clock.advance(20_000);
    expect(a.elector.leads).toBe(true);
    expect(a.connection.writes).toBe(11);
  });

  test('does not take over from a holder that renews', async () => {
    const { clock, candidate } = setUp();
    const a = candidate('a');
    await clock.advance(1000);
    const b = candidate('b');
    await clock.advance(120_000);
    expect([a.elector.leads, b.elector.leads]).toEqual([true, false]);
    expect(b.elector.holder).toBe('a');
    expect(b.connection.writes).toBe(0);
  });

  test('takes over when the lease has not changed for fifteen seconds', async () => {
    const { clock, server, candidate } = setUp();
    const a = candidate('a');
    const b = candidate('b');
    await clock.advance(1000);
    expect(b.elector.leads).toBe(false);
    a.connection.weather = 'down';
    await clock.advance(13_900);
    expect(b.elector.leads).toBe(false);
    // b saw the lease at its second look at the latest, and looks again within one jittered pause of its end.
    await clock.advance(10_000);
    expect(b.elector.leads).toBe(true);
    expect(server.lease?.spec?.leaseTransitions).toBe(1);
  });

  test('never lets two lead at once, whatever the weather', async () => {
    const { clock, candidate } = setUp();
    const all = ['a', 'b', 'c'].map((name) => candidate(name));
    const weathers = ['ok', 'down', 'ok', 'silent', 'one-way'] as const;
    let elections = 0;
    for (let step = 0; step < 400; step++) {
      for (const [i, one] of all.entries()) {
        if (one.lost() !== '') {
          all[i] = candidate(`restarted-${step}-${i}`);
          elections += 1;
        }
        one.connection.weather = weathers[(step * (i + 3) + i * 7) % 5] ?? 'ok';
      }
      for (let tick = 0; tick < 8; tick++) {
        await clock.advance(500);
        expect(all.filter((one) => one.elector.leads).length).toBeLessThanOrEqual(1);
      }
    }
    expect(elections).toBeGreaterThan(5);
  });

  test.each(['down', 'silent', 'one-way'] as const)(
    'stops leading after ten seconds when the way is %s',
    async (weather) => {
      const { clock, candidate } = setUp();
      const a = candidate('a');
      await clock.advance(4000);
      a.connection.weather = weather;
      await clock.advance(9900);
      expect(a.lost()).toBe('');
      await clock.advance(100);
      expect(a.lost()).toBe('leadership lost: not renewed for 10000 ms');
      expect(a.elector.leads).toBe(false);
    },
  );

  test('survives a short interruption, also one that hides that its write arrived', async () => {
    const { clock, candidate } = setUp();
    const a = candidate('a');
    const b = candidate('b');
    await clock.advance(1000);
    a.connection.weather = 'one-way';
    await clock.advance(6000);
    a.connection.weather = 'ok';
    await clock.advance(60_000);
    expect([a.elector.leads, b.elector.leads, a.lost()]).toEqual([true, false, '']);
  });

  test('judges by its own clock: a holder whose clock is a year behind keeps the lease', async () => {
    const { clock, server, candidate } = setUp();
    const a = candidate('a', new FakeClock(1_670_000_000_000));
    await clock.advance(1000);
    const b = candidate('b');
    await clock.advance(60_000);
    expect([a.elector.leads, b.elector.leads]).toEqual([true, false]);
    expect(server.lease?.spec?.renewTime).toMatch(/^2022-/);
  });

  test('stops at once when it sees that somebody else has taken the lease', async () => {
    const { clock, server, candidate } = setUp();
    const a = candidate('a');
    await clock.advance(1000);
    server.write({ metadata: { name: 'controller' }, spec: { holderIdentity: 'z', leaseDurationSeconds: 15 } });
    await clock.advance(2000);
    expect(a.lost()).toBe('leadership lost: the lease is held by z');
  });

  test('makes the lease again when somebody deleted it', async () => {
    const { clock, server, candidate } = setUp();
    const a = candidate('a');
    await clock.advance(1000);
    server.lease = undefined;
    await clock.advance(4000);
    expect(a.elector.leads).toBe(true);
    expect(server.lease).toHaveProperty('spec.holderIdentity', 'a');
  });

  test('gives the lease back, and a follower takes it without waiting for its end', async () => {
    const { clock, server, candidate } = setUp();
    const a = candidate('a');
    const b = candidate('b');
    await clock.advance(3000);
    await a.elector.resign();
    expect(server.lease?.spec?.holderIdentity).toBe('');
    expect(a.elector.leads).toBe(false);
    await clock.advance(2500);
    expect(b.elector.leads).toBe(true);
    expect(a.lost()).toBe('');
    await clock.advance(30_000);
    expect(b.elector.leads).toBe(true);
  });

  test('writes nothing when a candidate that never led resigns', async () => {
    const { clock, candidate } = setUp();
    candidate('a');
    await clock.advance(1000);
    const b = candidate('b');
    await clock.advance(1000);
    b.stop.abort();
    await b.elector.resign();
    expect(b.connection.writes).toBe(0);
  });
});
