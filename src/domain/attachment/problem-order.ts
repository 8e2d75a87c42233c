// Which condition a problem speaks about, and in which order problems are shown: causes before their consequences.
import { CONDITIONS, type ConditionType } from '../../api/names.ts';
import type { ProblemStatus } from '../../api/v1alpha1/attachment-status.ts';
import { PROBLEMS, type ProblemCode } from '../problem.ts';

/** Every code belongs to one condition; the compiler asks for the new ones. */
const ASPECTS: Readonly<Record<ProblemCode, ConditionType>> = {
  NameInvalid: 'Accepted',
  RangeInvalid: 'Accepted',
  RangesOverlap: 'Accepted',
  RouteInvalid: 'Accepted',
  PluginConfigInvalid: 'Accepted',
  MetadataInvalid: 'Accepted',
  ConfigTooLarge: 'Accepted',
  MultusMissing: 'Rendered',
  NamespaceMissing: 'Rendered',
  NameTaken: 'Rendered',
  ApplyFailed: 'Rendered',
  NoNodeMatches: 'ParentsReady',
  AgentSilent: 'ParentsReady',
  NoParentRule: 'ParentsReady',
  ParentMissing: 'ParentsReady',
  ParentAmbiguous: 'ParentsReady',
  ParentTaken: 'ParentsReady',
  ParentDown: 'ParentsReady',
  ParentUnsuitable: 'ParentsReady',
  ParentWireless: 'ParentsReady',
  BondModeUnsuitable: 'ParentsReady',
  MtuTooLarge: 'ParentsReady',
  AliasTaken: 'ParentsReady',
  CniPluginMissing: 'ParentsReady',
  KernelRefused: 'ParentsReady',
  HostAccessModeUnsupported: 'HostAccessReady',
  HostAddressMissing: 'HostAccessReady',
  PodLinkUnproven: 'HostAccessReady',
  PodAddressRefused: 'HostAccessReady',
  ShimContested: 'HostAccessReady',
  DhcpDaemonMissing: 'DhcpReady',
  DhcpNoAnswer: 'DhcpReady',
  DhcpLeaseLost: 'DhcpReady',
  PodGhost: 'PodsConnected',
  PodNeverAttached: 'PodsConnected',
  RepairRefused: 'PodsConnected',
  PodsAttached: 'Ready',
  NodeNotClean: 'Ready',
  MacFilteringLikely: 'NoWarnings',
  MacFilteringSuspected: 'NoWarnings',
  ApplianceHost: 'NoWarnings',
  ArpResponderOnShim: 'NoWarnings',
  PoolsOverlap: 'NoWarnings',
  AddressConflict: 'NoWarnings',
};

/** The condition that a problem of this reason is shown in. Agents of another version may know other reasons. */
export function aspectOf(reason: string, severity?: 'Warning'): ConditionType {
  if (isProblemCode(reason)) return ASPECTS[reason];
  return severity === 'Warning' ? 'NoWarnings' : 'ParentsReady';
}

export function isProblemCode(reason: string): reason is ProblemCode {
  return Object.hasOwn(PROBLEMS, reason);
}

/** By condition, then by reason, node, namespace and text: the same problems always give the same list. */
export function sortProblems(problems: readonly ProblemStatus[]): readonly ProblemStatus[] {
  return problems
    .map((problem) => ({ problem, key: sortKeyOf(problem) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ problem }) => problem);
}

function sortKeyOf(problem: ProblemStatus): string {
  const aspect = CONDITIONS.indexOf(aspectOf(problem.reason, problem.severity));
  return [aspect, problem.reason, problem.node ?? '', problem.namespace ?? '', problem.message].join('\u0000');
}
