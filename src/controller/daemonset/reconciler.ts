// The agents' DaemonSet: there while a node is labelled for an agent, as it should be, and gone after the last one.
import { AGENT_NAME, LABEL_MANAGED_BY, MANAGED_BY, MANAGER_CONTROLLER } from '../../api/names.ts';
import {
  type AgentSettings,
  agentDaemonSetFor,
  DAEMON_SET,
  type DaemonSet,
} from '../../domain/attachment/agent-daemonset.ts';
import { isInUse } from '../../domain/attachment/facts.ts';
import { isLabelled } from '../../domain/attachment/node-membership.ts';
import { type Action, diffObjects } from '../../domain/objects/diff.ts';
import type { Reconcile } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { Logger } from '../../kernel/process/logger.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { Stores } from '../stores.ts';
import { ownerFinder } from './owner.ts';

export interface DaemonSetPorts {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly written: OwnWrites<DaemonSet>;
  readonly settings: Omit<AgentSettings, 'owner' | 'entersPods'>;
  readonly logger: Logger;
}

export function reconcileDaemonSet(ports: DaemonSetPorts): Reconcile {
  const { client, stores, settings, written, logger } = ports;
  const findOwner = ownerFinder(client, settings.namespace, settings.serviceAccount);
  const render = async (when: 'Known' | 'Now', signal: AbortSignal) => {
    const owner = await findOwner(when, signal);
    const entersPods = stores.attachments.list().some((a) => a.spec.repair?.type === 'InPlace' && isInUse(a));
    return agentDaemonSetFor({ ...settings, entersPods, ...(owner === undefined ? {} : { owner }) });
  };
  return async (_key, signal) => {
    const found = written.get(`${settings.namespace}/${AGENT_NAME}`);
    if (found !== undefined && !isOurs(found)) {
      logger.error({ daemonSet: AGENT_NAME }, 'a DaemonSet of this name exists and is not ours: no agent can run');
      return { type: 'blocked' };
    }
    const isWanted = stores.nodes.list().some(isLabelled);
    const wanted = isWanted ? [await render(found === undefined ? 'Now' : 'Known', signal)] : [];
    for (const action of diffObjects(wanted, found === undefined ? [] : [found])) {
      logger.info({ action: action.type, because: action.because }, 'agent DaemonSet');
      await carryOut(ports, action, signal);
    }
    return { type: 'done' };
  };
}

/** Either label will do: somebody may have taken one off. */
function isOurs({ metadata: { labels } }: DaemonSet): boolean {
  return labels?.[LABEL_MANAGED_BY] === MANAGED_BY || labels?.['app.kubernetes.io/name'] === AGENT_NAME;
}

async function carryOut({ client, written }: DaemonSetPorts, action: Action<DaemonSet>, signal: AbortSignal) {
  const { object, type } = action;
  const key = `${object.metadata.namespace}/${object.metadata.name}`;
  if (type === 'delete') return client.delete(DAEMON_SET, object.metadata, { uid: object.metadata.uid, signal });
  // Also made by applying: what was made otherwise belongs to another kind of write, and no later apply could take it off.
  // Without force nothing is taken from somebody whose DaemonSet of this name the watch has not shown yet.
  const options = { manager: MANAGER_CONTROLLER, force: type === 'apply', signal };
  return written.through(key, () => client.apply(DAEMON_SET, object, options));
}
