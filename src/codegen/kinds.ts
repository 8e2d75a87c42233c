// What the types cannot say about a kind: its short names, its rule on names, and the columns of `kubectl get`. Edit here.
import type { Kind } from '../api/kube.ts';
import { ATTACHMENT } from '../api/v1alpha1/attachment.ts';
import { CLAIM } from '../api/v1alpha1/claim.ts';
import { IDENTITY } from '../api/v1alpha1/identity.ts';
import { NODE_STATE } from '../api/v1alpha1/node-state.ts';

/** A column of `kubectl get`; those with priority 1 are shown with `-o wide` only. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: 1;
}

/** A CEL rule of the schema, with the sentence that a user reads when it does not hold. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
}

/** Everything that a CustomResourceDefinition says and a TypeScript type does not. */
export interface KindDefinition {
  readonly kind: Kind;
  /** File that declares the type, from the checkout's root. */
  readonly source: string;
  readonly shortNames: readonly string[];
  readonly columns: readonly PrinterColumn[];
  /** Rules about the whole object; of its metadata, only the name can be seen. */
  readonly rules: readonly ValidationRule[];
}

/** `kubectl get macvlan` lists all kinds of this operator. */
export const CATEGORY = 'macvlan';

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since the object was made.',
};

function ready(field: 'status' | 'reason' | 'message'): string {
  return `.status.conditions[?(@.type=="Ready")].${field}`;
}

export const KINDS: readonly KindDefinition[] = [
  {
    kind: ATTACHMENT,
    source: 'src/api/v1alpha1/attachment.ts',
    shortNames: ['mva'],
    columns: [
      { name: 'Ready', type: 'string', jsonPath: ready('status'), description: 'Whether all of it works everywhere.' },
      { name: 'Nodes', type: 'string', jsonPath: '.status.summary', description: 'Nodes that are ready / matched.' },
      {
        name: 'Phase',
        type: 'string',
        jsonPath: '.status.phase',
        description: 'Active, or how far the deletion has come.',
      },
      { name: 'IPAM', type: 'string', jsonPath: '.spec.ipam.type', description: 'How pods get their addresses.' },
      { name: 'Pods', type: 'integer', jsonPath: '.status.pods.attached', description: 'Pods with a link on the LAN.' },
      AGE,
      { name: 'Mode', type: 'string', jsonPath: '.spec.mode', description: 'The macvlan mode.', priority: 1 },
      {
        name: 'Host-Access',
        type: 'string',
        jsonPath: '.spec.hostAccess.type',
        description: 'Whether a node and its own pods reach each other.',
        priority: 1,
      },
      {
        name: 'Alias',
        type: 'string',
        jsonPath: '.status.alias',
        description: "The name under which CNI finds each node's NIC.",
        priority: 1,
      },
      {
        name: 'Reason',
        type: 'string',
        jsonPath: ready('reason'),
        description: 'Why it is ready or not, in a word.',
        priority: 1,
      },
      {
        name: 'Message',
        type: 'string',
        jsonPath: ready('message'),
        description: 'Why it is ready or not, in a sentence.',
        priority: 1,
      },
    ],
    rules: [
      {
        // Pods name the attachment in their Multus annotation, whose comma form takes labels only.
        rule: "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        message:
          'metadata.name must be one that pods can use in their networks annotation: at most 63 lower-case letters, ' +
          'digits and hyphens, no dots, with a letter or digit first and last',
      },
    ],
  },
  {
    kind: NODE_STATE,
    source: 'src/api/v1alpha1/node-state.ts',
    shortNames: ['mvn'],
    columns: [
      {
        name: 'Attachments',
        type: 'string',
        jsonPath: '.status.summary',
        description: 'Attachments that are ready / there.',
      },
      { name: 'Agent', type: 'string', jsonPath: '.status.agent.version', description: 'Version of the agent.' },
      AGE,
      {
        name: 'Boot',
        type: 'string',
        jsonPath: '.status.agent.bootId',
        description: "The kernel's boot id.",
        priority: 1,
      },
    ],
    rules: [],
  },
  {
    kind: IDENTITY,
    source: 'src/api/v1alpha1/identity.ts',
    shortNames: ['mvi'],
    columns: [
      { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Whether a pod holds it.' },
      { name: 'Pod', type: 'string', jsonPath: '.status.holder.pod', description: 'The pod that holds it.' },
      { name: 'Node', type: 'string', jsonPath: '.status.holder.node', description: 'The node of that pod.' },
      {
        name: 'MAC',
        type: 'string',
        jsonPath: '.spec.attachments[0].mac',
        description: 'MAC address of its first link.',
      },
      { name: 'IP', type: 'string', jsonPath: '.spec.attachments[0].ips[0]', description: 'Its first IP address.' },
      AGE,
      {
        name: 'Waiting',
        type: 'string',
        jsonPath: '.status.conditions[?(@.type=="Waiting")].message',
        description: 'Who waits for what.',
        priority: 1,
      },
    ],
    rules: [],
  },
  {
    kind: CLAIM,
    source: 'src/api/v1alpha1/claim.ts',
    shortNames: ['mvc'],
    columns: [
      { name: 'Address', type: 'string', jsonPath: '.spec.address', description: 'The address.' },
      {
        name: 'Attachment',
        type: 'string',
        jsonPath: '.spec.attachment',
        description: 'The attachment it is used on.',
      },
      {
        name: 'Namespace',
        type: 'string',
        jsonPath: '.spec.identity.namespace',
        description: 'Namespace of the identity that it belongs to.',
      },
      { name: 'Identity', type: 'string', jsonPath: '.spec.identity.name', description: 'Name of that identity.' },
      AGE,
    ],
    rules: [],
  },
];
