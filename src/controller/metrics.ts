// What the attachments look like, for Prometheus: worked out from the store when it is asked for, never counted along.
import type { Registry } from 'prom-client';
import Gauge from 'prom-client/lib/gauge.js';
import type { MacvlanAttachment } from '../api/v1alpha1/attachment.ts';
import { findCondition } from '../domain/objects/conditions.ts';
import type { ReadStore } from '../kernel/watch/store.ts';

export function registerAttachmentMetrics(registry: Registry, attachments: ReadStore<MacvlanAttachment>): void {
  const registers = [registry];
  new Gauge({
    name: 'macvlan_attachments',
    help: 'Attachments by the status of their Ready condition.',
    labelNames: ['ready'],
    registers,
    collect() {
      this.reset();
      for (const status of ['True', 'False', 'Unknown']) this.set({ ready: status }, 0);
      for (const { status } of attachments.list()) {
        this.inc({ ready: findCondition(status?.conditions, 'Ready')?.status ?? 'Unknown' });
      }
    },
  });
  new Gauge({
    name: 'macvlan_attachment_problems',
    help: 'Problems that an attachment shows in its status, by reason.',
    labelNames: ['attachment', 'reason'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of attachments.list()) {
        for (const { reason } of status?.problems ?? []) this.inc({ attachment: metadata.name, reason });
      }
    },
  });
  new Gauge({
    name: 'macvlan_attachment_nodes',
    help: 'Nodes of an attachment: matched, ready, degraded.',
    labelNames: ['attachment', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of attachments.list()) {
        for (const [state, count] of Object.entries(status?.nodes ?? {})) {
          this.set({ attachment: metadata.name, state }, count);
        }
      }
    },
  });
  new Gauge({
    name: 'macvlan_attachment_network_definitions',
    help: 'NetworkAttachmentDefinitions that an attachment has in place.',
    labelNames: ['attachment'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of attachments.list()) {
        this.set({ attachment: metadata.name }, status?.namespaces ?? 0);
      }
    },
  });
  new Gauge({
    name: 'macvlan_attachment_pods',
    help: "Pods of an attachment by what their nodes' agents say of their links, as in its status.",
    labelNames: ['attachment', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { metadata, status } of attachments.list()) {
        for (const [state, count] of Object.entries(status?.pods ?? {})) {
          this.set({ attachment: metadata.name, state }, count);
        }
      }
    },
  });
}
