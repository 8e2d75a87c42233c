// The two programs that run on nodes, and what each of them is made from.
import { AGENT_NAME, DHCP_NAME } from '../../api/names.ts';
import { type AgentSettings, agentDaemonSetFor } from '../../domain/attachment/agent-daemonset.ts';
import { dhcpDaemonSetFor } from '../../domain/attachment/dhcp-daemonset.ts';
import { isInUse } from '../../domain/attachment/facts.ts';
import type { NodeProgramSettings } from '../../domain/attachment/node-daemonset.ts';
import { isLabelled, isLabelledForDhcp } from '../../domain/attachment/node-membership.ts';
import type { Stores } from '../stores.ts';
import type { NodeProgram } from './reconciler.ts';

/** The agent, with as many rights as some attachment needs. */
export function agentProgram(
  { attachments }: Pick<Stores, 'attachments'>,
  settings: Omit<AgentSettings, 'owner' | 'entersPods' | 'probesLan'>,
): NodeProgram {
  return {
    name: AGENT_NAME,
    namespace: settings.namespace,
    what: 'agent',
    isWantedOn: isLabelled,
    render: (owner) => {
      const inUse = attachments.list().filter(isInUse);
      const entersPods = inUse.some(({ spec }) => spec.repair?.type === 'InPlace');
      const probesLan = inUse.some(({ spec }) => spec.macFilterProbe?.type === 'Gateway');
      return agentDaemonSetFor({ ...settings, entersPods, probesLan, ...owner });
    },
  };
}

/** The DHCP daemon. */
export function dhcpProgram(settings: Omit<NodeProgramSettings, 'owner'>): NodeProgram {
  return {
    name: DHCP_NAME,
    namespace: settings.namespace,
    what: 'DHCP daemon',
    isWantedOn: isLabelledForDhcp,
    render: (owner) => dhcpDaemonSetFor({ ...settings, ...owner }),
  };
}
