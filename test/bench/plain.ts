// The floor: the same objects written by a plain client that knows beforehand what to write.
import { NETWORK_ATTACHMENT_DEFINITION } from '../../src/api/multus.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../src/api/v1alpha1/attachment.ts';
import { type Bench, watchNads } from './api-bench.ts';
import { inFlight } from './rows.ts';

export const NAMESPACE = 'bench';
/** Requests under way at a time. */
export const WIDTH = 16;

/** An attachment of the usual kind, with one NAD. */
export function attachment(name: string): MacvlanAttachment {
  return {
    apiVersion: 'macvlan.dev/v1alpha1',
    kind: 'MacvlanAttachment',
    metadata: { name },
    spec: { namespaces: { names: [NAMESPACE] }, ipam: { type: 'DHCP' } },
  };
}

/** Milliseconds for so many attachments: first all of them, then a NAD and a status for each. Everything is gone afterwards. */
export async function plainClient({ client }: Bench, count: number): Promise<number> {
  const names = Array.from({ length: count }, (_, index) => `plain-${index}`);
  const started = performance.now();
  await inFlight(names, WIDTH, (name) => client.create(ATTACHMENT, attachment(name)));
  await inFlight(names, WIDTH, async (name) => {
    await client.apply(NETWORK_ATTACHMENT_DEFINITION, nad(name), { manager: 'bench' });
    const status = { observedGeneration: 1, conditions: conditions() };
    await client.apply(ATTACHMENT, { ...header(name), status }, { manager: 'bench', subresource: 'status' });
  });
  const took = performance.now() - started;
  await inFlight(names, WIDTH, (name) => client.delete(ATTACHMENT, { name }));
  await inFlight(names, WIDTH, (name) => client.delete(NETWORK_ATTACHMENT_DEFINITION, { namespace: NAMESPACE, name }));
  return took;
}

/** The floor of one attachment: a client that makes two requests in a row, until a watch has seen the NAD. Milliseconds. */
export async function plainNad(bench: Bench, name: string): Promise<number> {
  const seen = watchNads(bench, (event) => event.name === name && event.type === 'ADDED');
  const started = performance.now();
  await bench.client.list(ATTACHMENT, { fieldSelector: 'metadata.name=none' });
  await bench.client.apply(NETWORK_ATTACHMENT_DEFINITION, nad(name), { manager: 'bench' });
  return (await seen) - started;
}

/** The floor of a restored NAD: a client that deletes it and makes it again itself. Milliseconds. */
export async function plainRestore(bench: Bench, name: string): Promise<number> {
  const again = watchNads(bench, (event) => event.name === name && event.type === 'ADDED');
  const started = performance.now();
  await bench.client.delete(NETWORK_ATTACHMENT_DEFINITION, { namespace: NAMESPACE, name });
  await bench.client.apply(NETWORK_ATTACHMENT_DEFINITION, nad(name), { manager: 'bench' });
  return (await again) - started;
}

function header(name: string): Record<string, unknown> {
  return { apiVersion: 'macvlan.dev/v1alpha1', kind: 'MacvlanAttachment', metadata: { name } };
}

function nad(name: string): object {
  const plugins = [{ type: 'macvlan', master: 'mva-x', ipam: { type: 'dhcp' } }];
  return {
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { name, namespace: NAMESPACE },
    spec: { config: JSON.stringify({ cniVersion: '1.0.0', name, plugins }) },
  };
}

function conditions(): readonly object[] {
  return ['Accepted', 'Rendered', 'ParentsReady', 'HostAccessReady', 'Ready'].map((type) => ({
    type,
    status: 'True',
    reason: 'Bench',
    message: 'A sentence of a usual length, as a condition has it.',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    observedGeneration: 1,
  }));
}
