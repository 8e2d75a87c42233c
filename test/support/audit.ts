// What the API server wrote down about who asked for what: the one witness that no process under test can talk to.
import { readFileSync } from 'node:fs';

/** One request that was answered. */
export interface AuditedRequest {
  readonly user: string;
  /** get, list, watch, create, update, patch, delete. */
  readonly verb: string;
  /** Plural, with its subresource: `macvlanattachments/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly code: number;
  /** When it arrived, in milliseconds since 1970. */
  readonly at: number;
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
}

const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Every answered request so far, in the order of the answers. A watch counts when it began. */
export function auditedRequests(auditLog: string | undefined): readonly AuditedRequest[] {
  if (auditLog === undefined) throw new Error('the control plane was started without an audit log');
  const lines = readFileSync(auditLog, 'utf8').split('\n');
  lines.pop(); // empty, or half a line that is being written
  return lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ stage, verb }) => stage === (verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete'))
    .map(({ user, verb, objectRef = {}, responseStatus, requestReceivedTimestamp }) => ({
      user: user.username,
      verb,
      resource: [objectRef.resource ?? '', objectRef.subresource].filter((part) => part !== undefined).join('/'),
      namespace: objectRef.namespace ?? '',
      name: objectRef.name ?? '',
      code: responseStatus?.code ?? 0,
      at: Date.parse(requestReceivedTimestamp),
    }));
}

/** Those that changed something, Leases and Events left out. */
export function writesAmong(requests: readonly AuditedRequest[]): readonly AuditedRequest[] {
  return requests.filter(
    ({ verb, resource, code }) => WRITES.has(verb) && code < 400 && resource !== 'leases' && resource !== 'events',
  );
}
