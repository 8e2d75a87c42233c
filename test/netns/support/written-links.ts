// A stand-in for CNI's result cache and for looks into namespaces: every link that is written on a pod is there.
import type { CachePort, SandboxPort } from '../../../src/agent/ports.ts';
import type { Pod } from '../../../src/api/kube.ts';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { attachedPods } from '../../../src/domain/pod/attached.ts';
import { type CachedLink, keyOfLink } from '../../../src/domain/pod/cached-link.ts';
import { settingsOf } from '../../../src/domain/pod/link-settings.ts';
import type { ReadStore } from '../../../src/kernel/watch/store.ts';

/** For tests that make pods' links themselves, without plugins. */
export class WrittenLinks {
  readonly cache: CachePort;
  readonly sandboxes: SandboxPort;
  #known = new Map<string, CachedLink>();

  constructor(pods: ReadStore<Pod>, attachments: ReadStore<MacvlanAttachment>) {
    this.cache = { read: async () => this.#read(pods.list(), attachments.list()) };
    this.sandboxes = {
      look: async (links) => links.map(() => ({ isRepaired: false })),
      repair: async () => {
        throw new Error('there is no real link behind it');
      },
      close: async () => {},
    };
  }

  /** A link that is the same as before is the same object: so the agent knows that there is nothing new. */
  #read(pods: readonly Pod[], attachments: readonly MacvlanAttachment[]): ReadonlyMap<string, CachedLink> {
    const settings = new Map(attachments.map((attachment) => [attachment.metadata.name, settingsOf(attachment)]));
    const links = attachedPods(pods, new Set(settings.keys())).map((written): [string, CachedLink] => {
      const { ips, ...rest } = written;
      const link: CachedLink = {
        ...rest,
        netns: `/run/netns/${written.name}`,
        addresses: ips.map((address) => ({ address, prefixLength: address.includes(':') ? 64 : 24 })),
        routes: [],
        settings: settings.get(written.attachment) ?? { mode: 'bridge', ipam: '', chained: [], fingerprint: '' },
      };
      const key = keyOfLink(link);
      const before = this.#known.get(key);
      return [key, JSON.stringify(before) === JSON.stringify(link) && before !== undefined ? before : link];
    });
    this.#known = new Map(links);
    return this.#known;
  }
}
