// Where things stand in a JSON text, so that one value can be changed and every other byte stays. The text has to be valid JSON.

/** A key of an object with the place of its value. */
export interface Member {
  readonly key: string;
  /** First character of the value, and the one after its last. */
  readonly start: number;
  readonly end: number;
}

/** An object of a list. */
export interface ObjectSpan {
  readonly members: readonly Member[];
  /** The character after the opening brace. */
  readonly inside: number;
}

/** The objects of a JSON list, in order; undefined for entries that are no objects, and for a text that is no list. */
export function objectSpans(text: string): readonly (ObjectSpan | undefined)[] | undefined {
  let at = skipSpace(text, 0);
  if (text[at] !== '[') return undefined;
  const spans: (ObjectSpan | undefined)[] = [];
  at = skipSpace(text, at + 1);
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at);
    spans.push(text[at] === '{' ? objectAt(text, at) : undefined);
    at = skipComma(text, end);
  }
  return spans;
}

function objectAt(text: string, open: number): ObjectSpan {
  const members: Member[] = [];
  let at = skipSpace(text, open + 1);
  while (at < text.length && text[at] !== '}') {
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1); // past the colon
    const end = endOfValue(text, start);
    members.push({ key, start, end });
    at = skipComma(text, end);
  }
  return { members, inside: open + 1 };
}

function endOfValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return endOfString(text, start);
  if (first === '{' || first === '[') return endOfNested(text, start);
  let at = start;
  while (at < text.length && !/[\s,\]}]/.test(text[at] ?? '')) at += 1;
  return Math.max(at, start + 1); // always onwards
}

function endOfNested(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    if (character === '}' || character === ']') depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
  return at;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at] ?? '')) at += 1;
  return at;
}

function skipComma(text: string, from: number): number {
  const at = skipSpace(text, from);
  return text[at] === ',' ? skipSpace(text, at + 1) : at;
}
