// The user's own labels and annotations on NADs: put on, and taken off again when the attachment no longer asks for them.
//
// Labels that other people put on a NAD stay. So what is ours to take off has to be known: the keys are written down in an
// annotation of the NAD itself, which only NADs with such keys have.
import type { KubeObject } from '../../api/kube.ts';
import { ANNOTATION_METADATA_KEYS, LABEL_ATTACHMENT, LABEL_MANAGED_BY, MANAGED_BY } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';

/** One of our two labels is enough: whoever took off the other did not make the object. */
export function isOurs({ metadata: { labels } }: KubeObject): boolean {
  return labels?.[LABEL_ATTACHMENT] !== undefined || labels?.[LABEL_MANAGED_BY] === MANAGED_BY;
}

type Texts = Readonly<Record<string, string>>;

/** Labels and annotations for a NAD, without those that every NAD has. */
export interface UserMetadata {
  readonly labels: Texts;
  /** With the note on which keys are ours; nothing when the attachment asks for no metadata. */
  readonly annotations: Texts | undefined;
}

export function userMetadataFor({ spec: { networkDefinition } }: MacvlanAttachment): UserMetadata {
  const labels = sorted(networkDefinition?.labels);
  const annotations = sorted(networkDefinition?.annotations);
  const keys: Keys = { annotations: Object.keys(annotations), labels: Object.keys(labels) };
  if (keys.annotations.length + keys.labels.length === 0) return { labels, annotations: undefined };
  return { labels, annotations: { ...annotations, [ANNOTATION_METADATA_KEYS]: JSON.stringify(keys) } };
}

/** What to take off a NAD, as the `metadata` of a JSON merge patch: what an earlier spec asked for and this one does not. */
export interface Leftovers {
  readonly labels: Readonly<Record<string, null>>;
  readonly annotations: Readonly<Record<string, null>>;
}

/** Nothing when there is nothing to take off. */
export function leftoversIn(wanted: KubeObject, found: KubeObject): Leftovers | undefined {
  const keys = keysIn(found);
  const labels = keys.labels.filter((key) => !OWN_LABELS.has(key) && isLeftOver(key, wanted, found, 'labels'));
  const annotations = [...keys.annotations, ANNOTATION_METADATA_KEYS].filter((key) =>
    isLeftOver(key, wanted, found, 'annotations'),
  );
  if (labels.length + annotations.length === 0) return undefined;
  return { labels: nulls(labels), annotations: nulls(annotations) };
}

/** For the diff: why a NAD that has all it should have still is to be written. */
export function leftoverIn(wanted: KubeObject, found: KubeObject): string | undefined {
  return leftoversIn(wanted, found) === undefined ? undefined : 'metadata that is no longer asked for';
}

/** The annotations of a NAD that are ours: all that has to be remembered of what may be a lot. */
export function ownAnnotationsOf(definition: KubeObject): Texts | undefined {
  const note = definition.metadata.annotations?.[ANNOTATION_METADATA_KEYS];
  if (note === undefined) return undefined;
  const keys = new Set([...keysIn(definition).annotations, ANNOTATION_METADATA_KEYS]);
  return Object.fromEntries(Object.entries(definition.metadata.annotations ?? {}).filter(([key]) => keys.has(key)));
}

/** What is wrong with the metadata that the user asks for, as a sentence: the API server would refuse the NAD. */
export function whatIsWrongWithMetadata({ spec: { networkDefinition } }: MacvlanAttachment): string | undefined {
  for (const kind of ['labels', 'annotations'] as const) {
    const bad = Object.keys(networkDefinition?.[kind] ?? {}).find((key) => !isQualifiedName(key));
    if (bad !== undefined) return `"${bad.slice(0, 80)}" cannot be a key of ${kind}.`;
  }
  return undefined;
}

interface Keys {
  readonly annotations: readonly string[];
  readonly labels: readonly string[];
}

const OWN_LABELS: ReadonlySet<string> = new Set([LABEL_ATTACHMENT, LABEL_MANAGED_BY]);

/** People can edit the note: what makes no sense in it is no key. */
function keysIn({ metadata: { annotations } }: KubeObject): Keys {
  const note = parseJson(annotations?.[ANNOTATION_METADATA_KEYS] ?? 'null');
  const texts = (list: unknown) =>
    Array.isArray(list) ? list.filter((key): key is string => typeof key === 'string') : [];
  if (typeof note !== 'object' || note === null) return { annotations: [], labels: [] };
  const { annotations: first, labels: second } = note as Readonly<Record<string, unknown>>;
  return { annotations: texts(first), labels: texts(second) };
}

function isLeftOver(key: string, wanted: KubeObject, found: KubeObject, kind: 'labels' | 'annotations'): boolean {
  return hasKey(found.metadata[kind], key) && !hasKey(wanted.metadata[kind], key);
}

function hasKey(texts: Texts | undefined, key: string): boolean {
  return texts !== undefined && Object.hasOwn(texts, key);
}

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/');
  const prefix = key.slice(0, Math.max(0, slash));
  const name = key.slice(slash + 1);
  if (
    slash >= 0 &&
    (prefix.length > 253 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(prefix))
  )
    return false;
  return name.length <= 63 && /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(name);
}

function sorted(texts: Texts | undefined): Texts {
  return Object.fromEntries(Object.entries(texts ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function nulls(keys: readonly string[]): Readonly<Record<string, null>> {
  return Object.fromEntries(keys.map((key) => [key, null]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
