import { describe, expect, test } from '@jest/globals';
import type { Secret } from '../../../../src/api/kube.ts';
import { Seed } from '../../../../src/controller/identity/seed.ts';
import type { KubeClient } from '../../../../src/kernel/kube/client.ts';
import { ApiError } from '../../../../src/kernel/kube/transport.ts';

/** One Secret, and requests that may fail. */
class SecretServer {
  secret: Secret | undefined;
  readonly requests: string[] = [];
  /** What the next requests reject with; undefined: nothing. */
  readonly failures: unknown[] = [];
  /** Reads that come before the Secret is there. */
  early = 0;

  client(): Pick<KubeClient, 'get' | 'create'> {
    return {
      get: async () => {
        this.#request('get');
        this.early -= 1;
        return (this.early >= 0 ? undefined : this.secret) as never;
      },
      create: async (_kind, secret) => {
        this.#request('create');
        this.secret = secret as Secret;
        return secret;
      },
    };
  }

  #request(what: string): void {
    this.requests.push(what);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }
}

async function textOf(seed: Seed): Promise<string> {
  const hmac = await seed.hmac();
  if (typeof hmac !== 'function') throw new Error(hmac.message);
  return Buffer.from(hmac('x')).toString('hex');
}

const seedOn = (server: SecretServer, isInUse = false) =>
  new Seed({ client: server.client(), namespace: 'system', isInUse: () => isInUse });

describe('the seed', () => {
  test('is made once, and is the same for whoever reads it afterwards', async () => {
    const server = new SecretServer();
    const first = seedOn(server);
    const text = await textOf(first);
    expect(await textOf(first)).toBe(text);
    expect(server.requests).toEqual(['get', 'create']);
    expect(await textOf(seedOn(server))).toBe(text);
    expect(server.secret?.metadata).toMatchObject({ name: 'macvlan-identity-seed', namespace: 'system' });
  });

  test('of another replica that was faster is the one that counts', async () => {
    const server = new SecretServer();
    const text = await textOf(seedOn(server));
    server.early = 1;
    server.failures.push(undefined, new ApiError('it exists', { status: 409, reason: 'AlreadyExists' }));
    expect(await textOf(seedOn(server))).toBe(text);
  });

  test('is asked for again after a failure', async () => {
    const server = new SecretServer();
    const seed = seedOn(server);
    server.failures.push(new Error('no answer'));
    await expect(seed.hmac()).rejects.toThrow('no answer');
    expect(await textOf(seed)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('that is not whole is refused with what to do: another seed would give other addresses', async () => {
    const server = new SecretServer();
    server.secret = { metadata: { name: 'macvlan-identity-seed' }, data: { seed: 'c2hvcnQ=' } };
    const refusal = await seedOn(server).hmac();
    expect(refusal).toMatchObject({ reason: 'SeedLost' });
    expect(refusal).toHaveProperty('message', expect.stringContaining('has no seed of 32 octets'));
    expect(server.secret.data).toEqual({ seed: 'c2hvcnQ=' });
  });

  test('that was lost while addresses follow from it is not made anew, and found when it is restored', async () => {
    const server = new SecretServer();
    await textOf(seedOn(server));
    const { secret } = server;
    server.secret = undefined;
    const seed = seedOn(server, true);
    expect(await seed.hmac()).toMatchObject({ reason: 'SeedLost', remedy: expect.stringContaining('Restore it') });
    expect(server.secret).toBeUndefined();
    server.secret = secret;
    expect(await textOf(seed)).toMatch(/^[0-9a-f]{64}$/);
  });
});
