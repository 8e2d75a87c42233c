// The cluster's seed: a Secret that is made once and from then on only read. Whoever restores it gets the same MAC addresses again.
// One that was lost is not made anew: that would be another cluster, and all devices would be new ones to the LAN.
import { createHmac, randomBytes } from 'node:crypto';
import { SECRET, type Secret } from '../../api/kube.ts';
import { LABEL_MANAGED_BY, MANAGED_BY, SEED_SECRET } from '../../api/names.ts';
import type { Hmac } from '../../domain/identity/mac.ts';
import type { Refusal } from '../../domain/identity/reason.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';

const SEED_KEY = 'seed';
const SEED_BYTES = 32;

export interface SeedOptions {
  readonly client: Pick<KubeClient, 'get' | 'create'>;
  /** The operator's own namespace. */
  readonly namespace: string;
  /** Whether anything has been derived or claimed in this cluster: then there was a seed. */
  readonly isInUse: () => boolean;
}

export class Seed {
  readonly #options: SeedOptions;
  #hmac: Promise<Hmac | Refusal> | undefined;

  constructor(options: SeedOptions) {
    this.#options = options;
  }

  /**
   * Reads the Secret, or makes it, when it is first asked for. Resolves with what is wrong when it was lost or damaged, and rejects
   * when it cannot be read; the next call tries again.
   */
  hmac(): Promise<Hmac | Refusal> {
    this.#hmac ??= this.#load().then(
      (loaded) => {
        if (typeof loaded !== 'function') this.#hmac = undefined;
        return loaded;
      },
      (error: unknown) => {
        this.#hmac = undefined;
        throw error;
      },
    );
    return this.#hmac;
  }

  async #load(): Promise<Hmac | Refusal> {
    const { namespace, isInUse } = this.#options;
    const found = await this.#read();
    if (found === undefined && isInUse()) return lost(namespace, 'is missing');
    const secret = found ?? (await this.#make());
    const seed = Buffer.from(secret.data?.[SEED_KEY] ?? '', 'base64');
    if (seed.length < SEED_BYTES) {
      return lost(namespace, `has no seed of ${SEED_BYTES} octets under the key ${SEED_KEY}`);
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

function lost(namespace: string, what: string): Refusal {
  const make = `head -c ${SEED_BYTES} /dev/urandom | kubectl -n ${namespace} create secret generic ${SEED_SECRET} --from-file=${SEED_KEY}=/dev/stdin`;
  return {
    reason: 'SeedLost',
    message: `Secret ${namespace}/${SEED_SECRET} ${what}, and addresses would follow from it.`,
    remedy: `Restore it from a backup. If there is none, delete what is there, and new identities get other addresses than before: ${make}`,
  };
}
