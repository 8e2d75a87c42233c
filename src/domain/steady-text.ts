// Texts of errors without what is another one each time, so that the same failure reads the same and is counted as the same.

const UID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
/** The near end of a connection, as Go and Node write it: its port is chosen anew for each. */
const LOCAL_PORT = /((?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:.]+(?:%\w+)?\]):\d{1,5}(?=\s*->)/gi;
const NODE_LOCAL = /\bLocal \([^)]*\)/g;
const TIME = /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?/g;
const VERSION = /\b(resourceVersion|request[- ]?id)\b(\W{1,3})[\w-]+/gi;

/** Leaves out uids, ports of the near end, times, and numbers of versions and requests. The same text comes back unchanged. */
export function steadyText(text: string): string {
  return text
    .replace(UID, '(uid)')
    .replace(LOCAL_PORT, '$1')
    .replace(NODE_LOCAL, 'Local')
    .replace(TIME, '(time)')
    .replace(VERSION, '$1$2(…)');
}
