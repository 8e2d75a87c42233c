// Makes a link again whose addresses are the DHCP server's to give.
//
//   daemon forgets ──▶ link, up and without addresses ──▶ daemon asks ──▶ addresses, routes ──▶ whole
//
// The daemon forgets while there is no link: what it would say to the server then goes nowhere, and the server keeps the address
// for the one that asks a moment later by the same name. Nothing in the pod's namespace is held open while the server is waited for.
import type { ClientName } from '../../domain/dhcp/protocol.ts';
import { parseAssignment } from '../../domain/pod/cached-link.ts';
import { inOrder, type RepairPlan } from '../../domain/pod/repair.ts';
import type { DhcpPort } from '../ports.ts';
import { completeIn, repairIn, type Sockets, undoIn } from './repair.ts';

/** Opens the pod's namespace for as long as the act takes. */
export type Enter = (act: (namespace: number) => Promise<void>) => Promise<void>;

export interface LeaseRepairTools {
  readonly enter: Enter;
  readonly sockets: Sockets;
  readonly dhcp: Pick<DhcpPort, 'release' | 'allocate'>;
}

/** Rejects when kernel, daemon or server refuse; then neither link nor lease is left behind. */
export async function repairWithLease(plan: RepairPlan, lease: ClientName, tools: LeaseRepairTools): Promise<void> {
  const { enter, sockets, dhcp } = tools;
  // One that waits from an attempt before would let the server hear of it.
  await enter((namespace) => undoIn(namespace, plan.name, sockets.addon));
  const released = await dhcp.release(lease);
  if (released.ok === 'No') throw new LeaseRefused(released.because);
  await enter((namespace) => repairIn(namespace, plan, sockets));
  try {
    const allocated = await dhcp.allocate(lease);
    if (allocated.ok === 'No') throw new LeaseRefused(allocated.because);
    const { addresses, routes } = parseAssignment(allocated.result ?? {});
    if (addresses.length === 0) throw new LeaseRefused('the DHCP daemon answers without an address');
    await enter((namespace) => completeIn(namespace, plan.name, { addresses, routes: inOrder(routes) }, sockets.addon));
  } catch (error) {
    await enter((namespace) => undoIn(namespace, plan.name, sockets.addon)).catch(() => {});
    await dhcp.release(lease);
    throw error;
  }
}

/** In words for the pod's owner. */
export class LeaseRefused extends Error {}
