// The networks annotation of a pod, read and edited as Multus reads it. What nobody asked to change stays byte for byte.
import { type ObjectSpan, objectSpans } from './json-spans.ts';

/** One network that the pod asks for. */
export interface NetworkElement {
  readonly name: string;
  /** Where its NAD is; nothing for the pod's own namespace. */
  readonly namespace: string | undefined;
  /** As written, or nothing. */
  readonly mac: string | undefined;
  readonly ips: readonly string[] | undefined;
  /** Names of what it passes on to the plugins in `cni-args`, in lower case; nothing where there is none. */
  readonly args?: readonly string[];
  /** All texts among the values in there, however deep. */
  readonly argTexts?: readonly string[];
}

/** What is wrong with the annotation, as the end of a sentence that begins with "the annotation". */
export interface Unreadable {
  readonly wrong: string;
}

/** What one element is to have; keys that are not given stay as they are. */
export interface NetworkEdit {
  readonly mac?: string;
  readonly ips?: readonly string[];
}

/** The networks in order. Text that Multus would refuse is told, not thrown. */
export function parseNetworks(text: string): readonly NetworkElement[] | Unreadable {
  return isJson(text) ? parseJsonForm(text) : parseCommaForm(text);
}

export function isUnreadable(parsed: readonly NetworkElement[] | Unreadable): parsed is Unreadable {
  return 'wrong' in parsed;
}

/** Whether the element could choose an address for its link, by whichever key. */
export function choosesAddress({ mac, ips, args }: NetworkElement): boolean {
  return mac !== undefined || ips !== undefined || args !== undefined;
}

/**
 * The annotation with the edits, by the index of the element. Nothing to change gives the same text; the comma form becomes
 * JSON only when a key has to be added. The text must be one that `parseNetworks` reads.
 */
export function editNetworks(text: string, edits: ReadonlyMap<number, NetworkEdit>): string {
  const parsed = parseNetworks(text);
  if (isUnreadable(parsed)) return text;
  const isNews = [...edits].some(([index, edit]) => parsed[index] !== undefined && !hasAll(parsed[index], edit));
  if (!isNews) return text;
  const json = isJson(text) ? text : asJson(text);
  const spans = objectSpans(json) ?? [];
  // From the end, so that places further on in the text are still right.
  return [...edits]
    .toSorted(([a], [b]) => b - a)
    .reduce((edited, [index, edit]) => {
      const span = spans[index];
      return span === undefined ? edited : editObject(edited, span, edit);
    }, json);
}

/** Multus takes the JSON path as soon as one of these is in the text. */
function isJson(text: string): boolean {
  return /[[{"]/.test(text);
}

function parseJsonForm(text: string): readonly NetworkElement[] | Unreadable {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return { wrong: 'is no valid JSON' };
  }
  if (!Array.isArray(list)) return { wrong: 'is no JSON list' };
  const elements = (objectSpans(text) ?? []).map((span) => (span === undefined ? NO_OBJECT : elementOf(text, span)));
  const wrong = elements.find((element) => typeof element === 'string');
  return wrong === undefined ? elements.filter((element) => typeof element !== 'string') : { wrong };
}

const NO_OBJECT = 'has an entry that is no object';

function elementOf(text: string, span: ObjectSpan): NetworkElement | string {
  const found = valuesIn(text, span);
  const texts = ['name', 'namespace', 'mac'].map((key) => found.get(key));
  if (texts.some((text) => text !== undefined && typeof text !== 'string'))
    return 'has a key with a value that is no text';
  const [name, namespace, mac] = texts as readonly (string | undefined)[];
  const ips = found.get('ips');
  if (name === undefined || name === '') return 'has an entry without a name';
  if (ips !== undefined && !isTextList(ips)) return 'has ips that are no list of texts';
  const args = Object.keys(found.get(ARGS) ?? {}).map(foldKey);
  const element = { name, namespace: namespace || undefined, mac: mac || undefined, ips };
  return args.length === 0 ? element : { ...element, args, argTexts: textsIn(found.get(ARGS)) };
}

/** In no particular order. Whoever writes such a value chooses how deep it is, so that the stack of calls is no place for it. */
function textsIn(value: unknown): readonly string[] {
  const texts: string[] = [];
  const rest = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next === 'string') texts.push(next);
    else if (typeof next === 'object' && next !== null) for (const inner of Object.values(next)) rest.push(inner);
  }
  return texts;
}

const ARGS = 'cni-args';

/**
 * As the parser that Multus is built with sees it: of a key that is there twice the last value counts, but null leaves a text as
 * it was, and objects are merged.
 */
function valuesIn(text: string, { members }: ObjectSpan): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const { key, start, end } of members) {
    const name = foldKey(key);
    const value: unknown = JSON.parse(text.slice(start, end));
    if (name === ARGS) found.set(name, { ...Object(found.get(name)), ...Object(value) });
    else if (value !== null) found.set(name, value);
    else if (name === 'ips') found.delete(name);
  }
  return found;
}

/** Keys count in any case. That parser also takes the long s, which is a lower-case letter already, for an s. */
function foldKey(key: string): string {
  return key.replaceAll('\u017f', 's').toLowerCase();
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

interface CommaElement extends NetworkElement {
  readonly interface: string | undefined;
}

const COMMA_ITEM = /^(?:([^/@\s]+)\/)?([^/@\s]+)(?:@([^/@\s]+))?$/;

function parseCommaForm(text: string): readonly CommaElement[] | Unreadable {
  const elements: CommaElement[] = [];
  for (const item of text.split(',')) {
    const [, namespace, name, link] = COMMA_ITEM.exec(item.trim()) ?? [];
    if (name === undefined) return { wrong: `has an entry that is not [namespace/]name[@interface]: "${item.trim()}"` };
    elements.push({ name, namespace, interface: link, mac: undefined, ips: undefined });
  }
  return elements;
}

function asJson(text: string): string {
  const elements = parseCommaForm(text);
  if ('wrong' in elements) return text;
  return JSON.stringify(
    elements.map(({ name, namespace, interface: link }) => ({
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(link === undefined ? {} : { interface: link }),
    })),
  );
}

/** Whether nothing has to be written: the MAC letter for letter, since the DHCP client-id is that text. */
function hasAll(element: NetworkElement, { mac, ips }: NetworkEdit): boolean {
  const hasMac = mac === undefined || element.mac === mac;
  const hasIps =
    ips === undefined || (element.ips?.length === ips.length && ips.every((ip, i) => element.ips?.[i] === ip));
  return hasMac && hasIps;
}

function editObject(text: string, span: ObjectSpan, { mac, ips }: NetworkEdit): string {
  const wanted: readonly (readonly [string, unknown])[] = [
    ...(mac === undefined ? [] : [['mac', mac] as const]),
    ...(ips === undefined ? [] : [['ips', ips] as const]),
  ];
  const changes = wanted
    .map(([key, value]) => changeFor(text, span, key, value))
    .filter((change) => change !== undefined);
  // Two additions at one place: the first key comes first.
  return changes
    .toReversed()
    .toSorted((a, b) => b.start - a.start)
    .reduce((edited, { start, end, value }) => edited.slice(0, start) + value + edited.slice(end), text);
}

interface TextChange {
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

function changeFor(text: string, span: ObjectSpan, key: string, value: unknown): TextChange | undefined {
  const json = JSON.stringify(value);
  const member = span.members.findLast((candidate) => foldKey(candidate.key) === key);
  if (member !== undefined) {
    const isSame = JSON.stringify(JSON.parse(text.slice(member.start, member.end))) === json;
    return isSame ? undefined : { start: member.start, end: member.end, value: json };
  }
  const last = span.members.at(-1);
  const at = last === undefined ? span.inside : last.end;
  return { start: at, end: at, value: `${last === undefined ? '' : ','}"${key}":${json}` };
}
