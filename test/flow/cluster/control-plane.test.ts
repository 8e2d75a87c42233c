// The control plane for flow tests: starts, restarts, several at once, and nothing left of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts';
import { runOrThrow } from '../../support/run.ts';

describe('a control plane alone', () => {
  let one: ControlPlane;
  let two: ControlPlane;

  beforeAll(async () => {
    const users = [{ token: 'visitor-token', user: 'visitor', groups: ['visitors'] }];
    [one, two] = await Promise.all([startControlPlane({ audit: 'Metadata', users }), startControlPlane()]);
  }, 900_000);

  afterAll(async () => {
    await one?.stop();
    await two?.stop();
  }, 30_000);

  test('two at once know nothing of each other', async () => {
    expect((await one.kubectl(['create', 'namespace', 'only-here'])).code).toBe(0);
    expect((await one.kubectl(['get', 'namespace', 'only-here'])).code).toBe(0);
    expect((await two.kubectl(['get', 'namespace', 'only-here'])).stderr).toContain('NotFound');
  });

  test('an account of a test has the rights that RBAC gives it, and no more', async () => {
    const answer = await one.kubectl(['--token', 'visitor-token', 'auth', 'whoami', '-o', 'json']);
    expect(answer.stdout).toContain('"visitors"');
    expect((await one.kubectl(['--token', 'visitor-token', 'get', 'secrets'])).stderr).toContain('Forbidden');
  });

  test('keeps what was written over a restart, on the same port', async () => {
    await one.kubectl(['create', 'configmap', 'kept', '--from-literal=a=b']);
    await one.restartApiServer();
    expect((await one.kubectl(['get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'])).stdout).toBe('b');
  }, 60_000);

  test('writes each request into the audit log, where asked to', async () => {
    await one.kubectl(['get', 'nodes']);
    expect(readFileSync(one.auditLog ?? '', 'utf8')).toContain('/api/v1/nodes');
    expect(two.auditLog).toBeUndefined();
  });
});

test('a control plane ends with its owner, even when that is killed, and the next one clears its folder away', async () => {
  const script = `import { startControlPlane } from '${import.meta.dirname}/../../cluster/control-plane.ts';
    const { stateDir } = await startControlPlane(); console.log(stateDir); setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [folder] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  expect(existsSync(folder)).toBe(true);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  const next = await startControlPlane();
  expect(existsSync(folder)).toBe(false);
  await next.stop();
  const processes = await runOrThrow(['ps', '-eo', 'stat,args']);
  expect(processes.split('\n').filter((line) => line.includes(folder) && !line.startsWith('Z'))).toEqual([]);
}, 120_000);
