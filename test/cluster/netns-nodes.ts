// Nodes that are namespaces: their programs are the harness's own processes, their pids this machine's.
import { readFileSync } from 'node:fs';
import { auditLogOf } from './api-server.ts';
import type { Nodes } from './handles.ts';
import type { Instance } from './instance.ts';
import { ipBatch, spaceOf } from './namespaces.ts';
import { NODE_ENTRY, nodePath, startOn } from './node.ts';
import { signal } from './pid.ts';
import { Processes } from './processes.ts';

export function netnsNodes(instance: Instance): Nodes {
  const processes = new Processes(instance.folder);
  return {
    wayInto: () => ({ entry: NODE_ENTRY, path: nodePath() }),
    pidOf: (_space, pid) => pid,
    // The port of the control plane's switch that leads to the node.
    setManagement: ({ name }, state) => ipBatch(spaceOf(processes, 'cp'), [`link set ${name} ${state}`]),
    crash: async ({ name }, program) => {
      const record = processes.running(`${program}-${name}`);
      if (record === undefined) throw new Error(`${program} does not run on ${name}`);
      const argv = readFileSync(`/proc/${record.pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
      signal(record, 'SIGKILL');
      return async () => startOn(instance, processes, spaceOf(processes, name, NODE_ENTRY), argv);
    },
    auditLog: auditLogOf(instance.folder),
  };
}
