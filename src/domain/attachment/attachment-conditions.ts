// The conditions of an attachment, each a function from what is known to an answer. `Ready` sums up all but the warnings.
import { CONDITIONS, type ConditionType } from '../../api/names.ts';
import type { ProblemStatus } from '../../api/v1alpha1/attachment-status.ts';
import type { ConditionInput } from '../objects/conditions.ts';
import type { ReasonCode } from '../problem.ts';
import { wantsDhcpDaemon } from './dhcp-daemonset.ts';
import { aspectOf } from './problem-order.ts';
import { isGoingAway, type Verdict } from './verdict.ts';

/** What is said under one type; times and generations are added later. */
export type Answer = Pick<ConditionInput, 'status' | 'reason' | 'message'>;

/** So many problems are spelled out in a message; the others are counted. */
const SPELLED_OUT = 3;

export function answersFor(verdict: Verdict): Readonly<Record<ConditionType, Answer>> {
  const answers = {
    Accepted: accepted(verdict),
    Rendered: rendered(verdict),
    ParentsReady: parentsReady(verdict),
    HostAccessReady: hostAccessReady(verdict),
    DhcpReady: dhcpReady(verdict),
    PodsConnected: podsConnected(verdict),
    NoWarnings: noWarnings(verdict),
  };
  return { ...answers, Ready: ready(verdict, answers) };
}

function accepted(verdict: Verdict): Answer {
  return problemsAs(verdict, 'Accepted') ?? yes('Valid', 'The spec makes sense.');
}

function rendered(verdict: Verdict): Answer {
  const { plan } = verdict;
  const problem = problemsAs(verdict, 'Rendered');
  if (problem !== undefined) return problem;
  if (isGoingAway(plan)) return no('Deleting', 'No NetworkAttachmentDefinition is left.');
  if (plan.objects === 'Hold') {
    return { ...no('OnHold', 'What is there stays as it is until the spec is accepted.'), status: 'Unknown' };
  }
  const count = plan.objects.length;
  if (count === 0) return yes('UpToDate', 'No namespace is selected so far.');
  return yes('UpToDate', `The NetworkAttachmentDefinition is in place in ${counted(count, 'namespace')}.`);
}

function parentsReady(verdict: Verdict): Answer {
  const { nodes, plan } = verdict;
  if (isGoingAway(plan)) return no('Deleting', 'Nodes are being cleaned up.');
  const share = `The parent NIC is verified on ${nodes.parentsReady} of ${counted(nodes.matched, 'node')}.`;
  if (nodes.matched > 0 && nodes.parentsReady === nodes.matched) return yes('NodesReady', share);
  return problemsAs(verdict, 'ParentsReady', nodes.matched === 0 ? '' : share) ?? no('Pending', share);
}

function hostAccessReady(verdict: Verdict): Answer {
  const { nodes, plan, facts } = verdict;
  if (isGoingAway(plan)) return no('Deleting', 'Nodes are being cleaned up.');
  if ((facts.attachment?.spec.hostAccess?.type ?? 'None') === 'None') {
    return yes('NotWanted', 'hostAccess is None: a node and its own macvlan pods do not reach each other.');
  }
  const share = `Node and pods reach each other on ${nodes.shimsReady} of ${counted(nodes.matched, 'node')}.`;
  const problem = problemsAs(verdict, 'HostAccessReady', share);
  if (problem !== undefined) return problem;
  return nodes.matched > 0 && nodes.shimsReady === nodes.matched ? yes('NodesReady', share) : no('Pending', share);
}

/** What the supervisors of the DHCP daemons tell. Of somebody else's daemons nothing is known. */
function dhcpReady(verdict: Verdict): Answer {
  const { plan, facts } = verdict;
  if (isGoingAway(plan)) return no('Deleting', 'Nodes are being cleaned up.');
  if (facts.attachment === undefined || !wantsDhcpDaemon(facts.attachment)) {
    return yes('NotWanted', "Addresses do not come through the operator's DHCP daemon.");
  }
  return problemsAs(verdict, 'DhcpReady') ?? yes('LeasesHeld', 'No lease of a pod is in trouble.');
}

/** Pods that run without their link. Older settings are no fault: they are mentioned, and end with the pod. */
function podsConnected(verdict: Verdict): Answer {
  const { plan, pods } = verdict;
  if (isGoingAway(plan)) return no('Deleting', 'The attachment is being taken down.');
  const problem = problemsAs(verdict, 'PodsConnected');
  if (problem !== undefined) return problem;
  const stale =
    pods.stale === 0
      ? ''
      : ` ${counted(pods.stale, 'pod')} run with older settings than the attachment until made again.`;
  return yes('LinksThere', `${counted(pods.attached, 'pod')} attached.${stale}`);
}

function ready(verdict: Verdict, others: Readonly<Record<Exclude<ConditionType, 'Ready'>, Answer>>): Answer {
  const own = problemsAs(verdict, 'Ready');
  if (own !== undefined) return own;
  if (isGoingAway(verdict.plan)) return no('Deleting', 'The attachment is being taken down.');
  const first = CONDITIONS.filter(isNeeded).find((type) => others[type].status !== 'True');
  if (first === undefined) return yes('Working', `Everything that the attachment asks for is there.${warned(others)}`);
  return { status: 'False', reason: others[first].reason, message: others[first].message };
}

function isNeeded(type: ConditionType): type is Exclude<ConditionType, 'Ready' | 'NoWarnings'> {
  return type !== 'Ready' && type !== 'NoWarnings';
}

function warned({ NoWarnings: { status, reason } }: Pick<Record<ConditionType, Answer>, 'NoWarnings'>): string {
  return status === 'True' ? '' : ` There is a warning, ${reason}: see the condition NoWarnings.`;
}

/** What was seen that may get in the way. Nothing else depends on it. */
function noWarnings(verdict: Verdict): Answer {
  return problemsAs(verdict, 'NoWarnings') ?? yes('NothingSeen', 'Nothing was seen that may get in the way.');
}

/** The problems of one aspect as a "no", or nothing when there is none. */
function problemsAs(verdict: Verdict, type: ConditionType, lead = ''): Answer | undefined {
  const problems = verdict.problems.filter((problem) => aspectOf(problem.reason, problem.severity) === type);
  const [first] = problems;
  if (first === undefined) return undefined;
  const more = problems.length - SPELLED_OUT;
  const parts = [lead, ...problems.slice(0, SPELLED_OUT).map(spell), more > 0 ? `And ${more} more.` : ''];
  return { status: 'False', reason: first.reason, message: parts.filter((part) => part !== '').join(' ') };
}

/** Problem and remedy in a row, after the node's name where the sentence does not hold it. */
export function spell({ message, remedy, node }: ProblemStatus): string {
  const where = node === undefined || message.includes(node) ? '' : `${node}: `;
  return `${where}${message}${remedy === undefined ? '' : ` ${remedy}`}`;
}

function yes(reason: ReasonCode, message: string): Answer {
  return { status: 'True', reason, message };
}

function no(reason: ReasonCode, message: string): Answer {
  return { status: 'False', reason, message };
}

function counted(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}
