import { describe, expect, test } from '@jest/globals';
import { NODE, POD } from '../../../../src/api/kube.ts';
import { inClusterServer } from '../../../../src/kernel/kube/in-cluster.ts';
import { formatKey, keyOf, parseKey, pathFor } from '../../../../src/kernel/kube/path.ts';
import { microTime } from '../../../../src/kernel/kube/time.ts';
import { apiErrorFor } from '../../../../src/kernel/kube/transport.ts';

const DAEMON_SET = { apiVersion: 'apps/v1', kind: 'DaemonSet', plural: 'daemonsets', namespaced: true };

describe('paths', () => {
  test.each([
    [POD, {}, '/api/v1/pods'],
    [POD, { namespace: 'home' }, '/api/v1/namespaces/home/pods'],
    [POD, { namespace: 'home', name: 'pihole' }, '/api/v1/namespaces/home/pods/pihole'],
    [NODE, { name: 'nas' }, '/api/v1/nodes/nas'],
    [NODE, { name: 'nas', namespace: 'ignored' }, '/api/v1/nodes/nas'],
    [
      DAEMON_SET,
      { namespace: 'x', name: 'y', subresource: 'status' },
      '/apis/apps/v1/namespaces/x/daemonsets/y/status',
    ],
    [NODE, { name: '../pods' }, '/api/v1/nodes/..%2Fpods'],
  ])('%# lead to where the API server keeps a kind', (kind, place, path) => {
    expect(pathFor(kind, place)).toBe(path);
  });
});

describe('keys', () => {
  test.each([[{ namespace: 'home', name: 'pihole' }], [{ name: 'nas' }]])('of %j come back as they were', (place) => {
    expect(parseKey(formatKey(place))).toEqual(place);
    expect(keyOf({ metadata: place })).toBe(formatKey(place));
  });
});

describe('the address of the API server in a pod', () => {
  test.each([
    [{ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '6443' }, 'https://10.96.0.1:6443/'],
    [{ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }, 'https://[fd00::1]:6443/'],
    [{ KUBERNETES_SERVICE_HOST: '10.96.0.1' }, 'https://10.96.0.1/'],
    [{}, undefined],
  ])('of %j is %s', (env, url) => {
    expect(inClusterServer(env)?.href).toBe(url);
  });
});

test('times for leases and events have six digits', () => {
  expect(microTime(1_700_000_000_123)).toBe('2023-11-14T22:13:20.123000Z');
});

describe('an error of the API server', () => {
  const answer = (body: unknown, headers = {}) => apiErrorFor('GET /x', { status: 429, headers, body });

  test('says what was done and what the server said', () => {
    const error = answer({ kind: 'Status', reason: 'TooManyRequests', message: 'slow down' }, { 'retry-after': '3' });
    expect(error.message).toBe('GET /x: 429 slow down');
    expect([error.status, error.reason, error.retryAfterMs]).toEqual([429, 'TooManyRequests', 3000]);
  });

  test('is made from whatever a proxy in between has to say', () => {
    expect(answer('upstream is down\n').message).toBe('GET /x: 429 upstream is down');
    expect(answer(undefined).message).toBe('GET /x: 429');
    expect(answer(null, { 'retry-after': 'tomorrow' }).retryAfterMs).toBeUndefined();
  });
});
