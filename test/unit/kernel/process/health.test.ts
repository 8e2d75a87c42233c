import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type HealthOptions, HealthServer } from '../../../../src/kernel/process/health.ts';
import { Metrics } from '../../../../src/kernel/process/metrics.ts';
import { until } from '../../../support/until.ts';

const servers: HealthServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(options: Partial<HealthOptions>) {
  const server = new HealthServer({ port: 0, host: '127.0.0.1', ...options });
  servers.push(server);
  await server.start();
  return async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: response.status, text: await response.text() };
  };
}

describe('the health endpoints', () => {
  test('are there for who asks while others connect, say nothing and stay, and keep few of those', async () => {
    const ask = await serve({});
    const port = servers[0]?.port ?? 0;
    const silent: Socket[] = [];
    for (let i = 0; i < 300; i++) {
      const socket = connect(port, '127.0.0.1').on('error', () => {});
      silent.push(socket.resume());
      await once(socket, 'connect');
    }
    expect((await ask('/healthz')).status).toBe(200);
    await until('most are hung up on', () => silent.filter(({ destroyed }) => !destroyed).length < 64);
    for (const socket of silent) socket.destroy();
  });

  test('say that all is well when every check says nothing', async () => {
    const ask = await serve({ live: { loop: () => undefined } });
    expect(await ask('/healthz')).toEqual({ status: 200, text: '[+] loop\nok\n' });
    expect(await ask('/readyz?verbose')).toEqual({ status: 200, text: 'ok\n' });
  });

  test('name each check that fails, with its sentence', async () => {
    const ask = await serve({ ready: { caches: () => 'pods: no list yet', leader: () => undefined } });
    expect(await ask('/readyz')).toEqual({
      status: 503,
      text: '[-] caches: pods: no list yet\n[+] leader\nfailed\n',
    });
    expect((await ask('/healthz')).status).toBe(200);
  });

  test('know no other path, not even one that every object has', async () => {
    const ask = await serve({});
    expect((await ask('/')).status).toBe(404);
    expect((await ask('/toString')).status).toBe(404);
    expect((await ask('/metrics')).status).toBe(404);
  });

  test('refuse to start on a port that is taken', async () => {
    await serve({});
    const second = new HealthServer({ port: servers[0]?.port ?? 0, host: '127.0.0.1' });
    await expect(second.start()).rejects.toThrow('EADDRINUSE');
  });
});

describe('the metrics', () => {
  test('are served in the Prometheus format', async () => {
    const metrics = new Metrics({ lease: 'one' });
    metrics.start();
    metrics.work.queue?.('attachment', () => 3);
    metrics.work.workers?.('attachment', { most: 8, busy: () => 2, longestSeconds: () => 1.5 });
    metrics.work.added?.('attachment');
    metrics.work.waited?.('attachment', 0.02);
    metrics.work.reconciled?.('attachment', 'blocked', 0.004);
    metrics.work.reconciled?.('attachment', 'retry', 0.004);
    metrics.work.retried?.('attachment');
    metrics.requests.answered?.('GET', 0, 10);
    metrics.requests.answered?.('PATCH', 200, 0.003);
    metrics.leading(true);
    metrics.watch.listed?.('pods');
    metrics.watch.failed?.('pods', 410);
    metrics.watch.state?.('pods', 'synced');
    const ask = await serve({ metrics: () => metrics.text() });
    const { text } = await ask('/metrics');
    metrics.stop();
    for (const line of [
      'workqueue_depth{name="attachment"} 3',
      'workqueue_adds_total{name="attachment"} 1',
      'workqueue_retries_total{name="attachment"} 1',
      'workqueue_queue_duration_seconds_bucket{le="0.025",name="attachment"} 1',
      'workqueue_work_duration_seconds_count{name="attachment"} 2',
      'workqueue_longest_running_processor_seconds{name="attachment"} 1.5',
      'controller_runtime_active_workers{controller="attachment"} 2',
      'controller_runtime_max_concurrent_reconciles{controller="attachment"} 8',
      'controller_runtime_reconcile_total{controller="attachment",result="blocked"} 1',
      'controller_runtime_reconcile_errors_total{controller="attachment"} 1',
      'controller_runtime_reconcile_time_seconds_bucket{le="0.005",controller="attachment"} 2',
      'rest_client_requests_total{code="<error>",method="GET"} 1',
      'rest_client_request_duration_seconds_bucket{le="0.005",verb="PATCH"} 1',
      'leader_election_master_status{name="one"} 1',
      'macvlan_watch_lists_total{kind="pods"} 1',
      'macvlan_watch_failures_total{kind="pods",status="410"} 1',
      'macvlan_watch_synced{kind="pods"} 1',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toMatch(/macvlan_event_loop_delay_max_seconds \d/);
    expect(text).toMatch(/process_resident_memory_bytes \d{6,}/);
  });

  test('say nothing of leading in a process that does not campaign', async () => {
    const metrics = new Metrics();
    metrics.leading(true);
    expect(await metrics.text()).not.toContain('leader');
  });

  test('are on a port of their own when that is wanted', async () => {
    const ask = await serve({ metricsPort: await freePort(), metrics: async () => 'x 1\n' });
    expect((await ask('/metrics')).status).toBe(404);
    expect((await ask('/healthz')).status).toBe(200);
  });
});

async function freePort(): Promise<number> {
  const probe = new HealthServer({ port: 0, host: '127.0.0.1' });
  await probe.start();
  const { port } = probe;
  await probe.stop();
  return port;
}
