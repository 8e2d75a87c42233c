// How pods were last seen before they vanished. Every replica watches, so a new leader knows what the old one saw.
import type { Pod } from '../../api/kube.ts';
import { isLasting } from '../../domain/identity/release.ts';
import type { Change, Store } from '../../kernel/watch/store.ts';

/** So many are remembered; by then the leader has long drawn its conclusions. */
const REMEMBERED = 20_000;

export class LastSeen {
  readonly #pods = new Map<string, Pod>();

  constructor(pods: Store<Pod>) {
    pods.onChange((change) => this.#observe(change));
  }

  /** The last state of a pod that vanished from the watch; nothing when it is there, or nobody knows. */
  get(uid: string): Pod | undefined {
    return this.#pods.get(uid);
  }

  /** It turned out to be there: a watch with a label selector also says "deleted" when the label went. */
  forget(uid: string): void {
    this.#pods.delete(uid);
  }

  #observe({ old, current, last }: Change<Pod>): void {
    const uid = old?.metadata.uid;
    if (old === undefined || uid === undefined || current?.metadata.uid === uid) return;
    // That a list lacks it tells nothing of what happened since it was seen: it may have been sent to a node meanwhile.
    if (last === undefined && !isLasting(old)) return;
    this.#pods.set(uid, old);
    if (this.#pods.size > REMEMBERED) this.#pods.delete(this.#pods.keys().next().value ?? '');
  }
}
