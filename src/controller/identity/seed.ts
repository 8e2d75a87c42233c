// The cluster's seed: a Secret that is made once and from then on only read. Whoever restores it gets the same MAC addresses again.
import { createHmac, randomBytes } from 'node:crypto';
import { SECRET, type Secret } from '../../api/kube.ts';
import { LABEL_MANAGED_BY, MANAGED_BY, SEED_SECRET } from '../../api/names.ts';
import type { Hmac } from '../../domain/identity/mac.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';

const SEED_KEY = 'seed';
const SEED_BYTES = 32;

export interface SeedOptions {
  readonly client: Pick<KubeClient, 'get' | 'create'>;
  /** The operator's own namespace. */
  readonly namespace: string;
}

export class Seed {
  readonly #options: SeedOptions;
  #hmac: Promise<Hmac> | undefined;

  constructor(options: SeedOptions) {
    this.#options = options;
  }

  /** Reads the Secret, or makes it, when it is first asked for. Rejects when that fails; the next call tries again. */
  hmac(): Promise<Hmac> {
    this.#hmac ??= this.#load().catch((error: unknown) => {
      this.#hmac = undefined;
      throw error;
    });
    return this.#hmac;
  }

  async #load(): Promise<Hmac> {
    const secret = (await this.#read()) ?? (await this.#make());
    const seed = Buffer.from(secret.data?.[SEED_KEY] ?? '', 'base64');
    if (seed.length < SEED_BYTES) {
      const where = `${this.#options.namespace}/${SEED_SECRET}`;
      throw new Error(
        `Secret ${where} has no seed of ${SEED_BYTES} octets under the key ${SEED_KEY}; restore it from a backup`,
      );
    }
    return (text) => createHmac('sha256', seed).update(text).digest();
  }

  #read(): Promise<Secret | undefined> {
    const { client, namespace } = this.#options;
    return client.get(SECRET, { namespace, name: SEED_SECRET });
  }

  async #make(): Promise<Secret> {
    const { client, namespace } = this.#options;
    const metadata = { name: SEED_SECRET, namespace, labels: { [LABEL_MANAGED_BY]: MANAGED_BY } };
    try {
      return await client.create(SECRET, {
        metadata,
        data: { [SEED_KEY]: randomBytes(SEED_BYTES).toString('base64') },
      });
    } catch (error) {
      const made = error instanceof ApiError && error.status === 409 ? await this.#read() : undefined;
      if (made === undefined) throw error;
      return made; // another replica was faster, and its seed is the one
    }
  }
}
