// A DaemonSet of ours, of the agents or of the DHCP daemons: there while a node is labelled for it, as it should be, and gone after
// the last such node.
import type { Node, OwnerReference } from '../../api/kube.ts';
import { LABEL_MANAGED_BY, MANAGED_BY, MANAGER_CONTROLLER } from '../../api/names.ts';
import { DAEMON_SET, type DaemonSet } from '../../domain/attachment/node-daemonset.ts';
import { type Action, diffObjects } from '../../domain/objects/diff.ts';
import type { Reconcile } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { Logger } from '../../kernel/process/logger.ts';
import type { ReadStore } from '../../kernel/watch/store.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { FindOwner } from './owner.ts';

/** What runs on nodes. */
export interface NodeProgram {
  /** Of its DaemonSet, in the operator's own namespace. */
  readonly name: string;
  readonly namespace: string;
  /** What cannot run when somebody else has a DaemonSet of that name. */
  readonly what: string;
  readonly isWantedOn: (node: Node) => boolean;
  readonly render: (owner: { readonly owner?: OwnerReference }) => DaemonSet;
}

export interface DaemonSetPorts {
  readonly client: KubeClient;
  readonly nodes: ReadStore<Node>;
  readonly written: OwnWrites<DaemonSet>;
  readonly findOwner: FindOwner;
  readonly logger: Logger;
}

export function reconcileDaemonSet(ports: DaemonSetPorts, program: NodeProgram): Reconcile {
  const { nodes, written, findOwner, logger } = ports;
  const { name, namespace, what } = program;
  const render = async (when: 'Known' | 'Now', signal: AbortSignal) => {
    const owner = await findOwner(when, signal);
    return program.render(owner === undefined ? {} : { owner });
  };
  return async (_key, signal) => {
    const found = written.get(`${namespace}/${name}`);
    if (found !== undefined && !isOurs(found)) {
      logger.error({ daemonSet: name }, `a DaemonSet of this name exists and is not ours: no ${what} can run`);
      return { type: 'blocked' };
    }
    const isWanted = nodes.list().some(program.isWantedOn);
    const wanted = isWanted ? [await render(found === undefined ? 'Now' : 'Known', signal)] : [];
    for (const action of diffObjects(wanted, found === undefined ? [] : [found])) {
      logger.info({ action: action.type, because: action.because }, `${what} DaemonSet`);
      await carryOut(ports, action, signal);
    }
    return { type: 'done' };
  };
}

/** Either label will do: somebody may have taken one off. */
function isOurs({ metadata: { labels, name } }: DaemonSet): boolean {
  return labels?.[LABEL_MANAGED_BY] === MANAGED_BY || labels?.['app.kubernetes.io/name'] === name;
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
