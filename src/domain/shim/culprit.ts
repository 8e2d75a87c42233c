// Who keeps undoing a shim, as far as the kernel tells: with a change it announces the netlink port of whoever asked for it (nlmsg_pid).

/** So many are named: whoever starts a program for each change is a new process each time. */
const NAMED_MAX = 3;
/** Process ids are lower than this (PID_MAX_LIMIT of the kernel). */
const PROCESS_MAX = 2 ** 22;

/** Somebody who changed a shim, other than this agent. */
export interface Culprit {
  /** The port of the netlink socket. The kernel (netlink_autobind) gives a process that of its own id, unless it is taken. */
  readonly port: number;
  /** When it was first seen at it, in milliseconds. */
  readonly at: number;
}

/** With one more; the first few stay, so that what is told does not change with each of them. */
export function withCulprit(culprits: readonly Culprit[], culprit: Culprit): readonly Culprit[] {
  const isKnown = culprits.some(({ port }) => port === culprit.port);
  return isKnown || culprits.length >= NAMED_MAX ? culprits : [...culprits, culprit];
}

/** A sentence about them; empty when nobody is known. */
export function describeCulprits(ports: readonly number[]): string {
  const processes = ports.filter((port) => port > 0 && port < PROCESS_MAX);
  if (processes.length > 0) {
    const which = processes.length === 1 ? 'process' : 'processes';
    return `The kernel names the ${which} ${listOf(processes)} (see ps -p on the node; of a process in a container it is the number that it has in there).`;
  }
  // A second socket of a process has a number that says nothing about it, but ss -f netlink -p knows whose it is.
  return ports.length === 0
    ? ''
    : `The kernel names the netlink port ${listOf(ports)} (see ss -f netlink -p on the node).`;
}

function listOf(numbers: readonly number[]): string {
  return numbers.join(', ');
}
