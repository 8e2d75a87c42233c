// What Multus and the CNI plugins read: one NetworkAttachmentDefinition per namespace, with the same bytes for the same attachment.
import { NETWORK_ATTACHMENT_DEFINITION, type NetworkAttachmentDefinition } from '../../api/multus.ts';
import { LABEL_ATTACHMENT, LABEL_MANAGED_BY, MANAGED_BY } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { aliasFor } from './alias.ts';
import { ipamConfigFor } from './ipam-config.ts';
import { userMetadataFor } from './network-definition-metadata.ts';
import { type Json, pluginConfigFor } from './plugin-config.ts';

/** Since 1.0.0 only lists of plugins are legal, and every plugin release in use knows it. */
const CNI_VERSION = '1.0.0';

/** The NAD of the attachment in one namespace. Only fields that we own: it is what server-side apply sends. */
export function networkDefinitionFor(attachment: MacvlanAttachment, namespace: string): NetworkAttachmentDefinition {
  const { name } = attachment.metadata;
  const { labels, annotations } = userMetadataFor(attachment);
  return {
    apiVersion: NETWORK_ATTACHMENT_DEFINITION.apiVersion,
    kind: NETWORK_ATTACHMENT_DEFINITION.kind,
    metadata: {
      name,
      namespace,
      labels: { ...labels, [LABEL_ATTACHMENT]: name, [LABEL_MANAGED_BY]: MANAGED_BY },
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: { config: formatConfig(attachment) },
  };
}

/**
 * The CNI configuration list as text. Its `name` is the attachment's in every namespace: host-local keeps its addresses per
 * name, so two names would hand out one address twice on a node.
 */
export function formatConfig(attachment: MacvlanAttachment): string {
  const { name } = attachment.metadata;
  const { cniVersion = CNI_VERSION, chain = [] } = attachment.spec;
  return JSON.stringify({ cniVersion, name, plugins: [macvlanPluginFor(attachment), ...chain.map(pluginConfigFor)] });
}

function macvlanPluginFor(attachment: MacvlanAttachment): Json {
  const { spec } = attachment;
  const ipam = ipamConfigFor(spec.ipam);
  return {
    type: 'macvlan',
    // Without these the `mac` and `ips` of a pod's annotation are dropped without a word.
    capabilities: { mac: true, ips: true },
    master: aliasFor(attachment.metadata.name),
    mode: spec.mode ?? 'bridge',
    ...(spec.mtu === undefined ? {} : { mtu: spec.mtu }),
    ...(ipam === undefined ? {} : { ipam }),
  };
}
