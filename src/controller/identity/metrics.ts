// What identities look like, for Prometheus: worked out from the stores when it is asked for.
import type { Registry } from 'prom-client';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import { poolUse } from '../../domain/identity/pool-use.ts';
import { parseMac } from '../../domain/net/mac.ts';
import type { Stores } from '../stores.ts';
import type { Conflicts } from './conflict-sight.ts';
import { olderPoolsOf } from './one-lan.ts';
import type { WaitingPods } from './waiting-pods.ts';

export interface IdentityMetricsSources {
  readonly stores: Pick<Stores, 'identities' | 'claims' | 'attachments' | 'nodeStates'>;
  readonly waiting: WaitingPods;
  readonly conflicts: Pick<Conflicts, 'list'>;
  /** What only the leader knows, others do not tell. */
  readonly leads: () => boolean;
}

/** From what is usual to what somebody should look at: a pod may wait for another one to end. */
const SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

export function registerIdentityMetrics(registry: Registry, sources: IdentityMetricsSources): void {
  const registers = [registry];
  const { stores, waiting, conflicts, leads } = sources;
  new Gauge({
    name: 'macvlan_identities',
    help: 'Identities by phase: Bound, Free, Waiting; New: nobody has looked at it yet.',
    labelNames: ['phase'],
    registers,
    collect() {
      this.reset();
      for (const phase of ['Bound', 'Free', 'Waiting']) this.set({ phase }, 0);
      for (const { status } of stores.identities.list()) this.inc({ phase: status?.phase ?? 'New' });
    },
  });
  new Gauge({
    name: 'macvlan_identity_waiting_pods',
    help: 'Pods that are held back until they have their identity, by the reason that their event has; Pending: not looked at yet. Told by the leader.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      if (leads()) for (const [reason, count] of waiting.counts()) this.set({ reason }, count);
    },
  });
  const binding = new Histogram({
    name: 'macvlan_identity_binding_seconds',
    help: 'From when a pod was first seen to wait for its identity until it was bound. Told by the leader.',
    buckets: SECONDS,
    registers,
  });
  waiting.onBound((seconds) => {
    if (leads()) binding.observe(seconds);
  });
  new Gauge({
    name: 'macvlan_pool_addresses',
    help: 'Addresses of pools, by address family: used by identities, whether or not a pod holds them now, and free.',
    labelNames: ['attachment', 'family', 'state'],
    registers,
    collect() {
      this.reset();
      for (const attachment of stores.attachments.list()) {
        const { name } = attachment.metadata;
        const claims = stores.claims.by('attachment', name);
        for (const { family, used, free } of poolUse(attachment, claims, olderPoolsOf(stores, attachment))) {
          this.set({ attachment: name, family, state: 'used' }, used);
          this.set({ attachment: name, family, state: 'free' }, free);
        }
      }
    },
  });
  new Gauge({
    name: 'macvlan_identity_conflicts',
    help: 'Addresses that are in two places, by attachment and by what they are: MAC, IP. Told by the leader.',
    labelNames: ['attachment', 'address'],
    registers,
    collect() {
      this.reset();
      if (!leads()) return;
      for (const { metadata } of stores.attachments.list()) {
        for (const address of ['MAC', 'IP']) this.set({ attachment: metadata.name, address }, 0);
      }
      for (const { address, attachments } of conflicts.list()) {
        const kind = parseMac(address) === undefined ? 'IP' : 'MAC';
        for (const attachment of attachments) this.inc({ attachment, address: kind });
      }
    },
  });
}
