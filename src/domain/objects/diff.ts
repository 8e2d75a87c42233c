// From what should exist and what does exist to what is to be done. Nothing to do is an answer too, and the usual one.
import type { KubeObject, ObjectKey } from '../../api/kube.ts';

/** One object and what to do about it. `because` is for the log. */
export interface Action<T extends KubeObject = KubeObject> {
  readonly type: 'create' | 'apply' | 'delete';
  /** As wanted; for `delete`, as found. */
  readonly object: T;
  /** For `apply`: as found. */
  readonly found?: T;
  readonly because: string;
}

/** Says, as the log's `because`, that an object that is as wanted holds something that has to go. */
export type LeftoverCheck<T> = (wanted: T, found: T) => string | undefined;

/** What has to happen so that exactly `wanted` exists; objects that are right already do not appear. Sorted by key. */
export function diffObjects<T extends KubeObject>(
  wanted: readonly T[],
  actual: readonly T[],
  leftover: LeftoverCheck<T> = () => undefined,
): readonly Action<T>[] {
  const found = new Map(actual.map((object) => [keyOf(object), object]));
  const wantedKeys = new Set(wanted.map(keyOf));
  const changes = wanted.map((object) => actionFor(object, found.get(keyOf(object)), leftover));
  const orphans = actual
    .filter((object) => !wantedKeys.has(keyOf(object)) && object.metadata.deletionTimestamp === undefined)
    .map((object): Action<T> => ({ type: 'delete', object, because: 'no longer wanted' }));
  return [...changes.filter((action) => action !== undefined), ...orphans].toSorted((a, b) =>
    keyOf(a.object) < keyOf(b.object) ? -1 : 1,
  );
}

function actionFor<T extends KubeObject>(
  wanted: T,
  found: T | undefined,
  leftover: LeftoverCheck<T>,
): Action<T> | undefined {
  if (found === undefined) return { type: 'create', object: wanted, because: 'not there' };
  const path = differenceIn(wanted, found, '');
  const because = path === undefined ? leftover(wanted, found) : `${path} differs`;
  return because === undefined ? undefined : { type: 'apply', object: wanted, found, because };
}

/** `namespace/name`, or the name alone. */
export function keyOf(object: KubeObject): ObjectKey {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Whether every field of `wanted` is in `actual` with the same value; what others added does not count. */
export function covers(wanted: unknown, actual: unknown): boolean {
  return differenceIn(wanted, actual, '') === undefined;
}

/**
 * Path of the first field of `wanted` that `actual` has not, or has otherwise. Fields that only `actual` has are the server's
 * defaults or other people's. In lists of named things (containers, env, volumes) each is looked up by name, as server-side
 * apply does; all other lists must be equal in length and order.
 */
function differenceIn(wanted: unknown, actual: unknown, path: string): string | undefined {
  if (Array.isArray(wanted)) return Array.isArray(actual) ? differenceInList(wanted, actual, path) : path;
  if (!isRecord(wanted)) return wanted === actual ? undefined : path;
  if (!isRecord(actual)) return path;
  for (const [key, value] of Object.entries(wanted)) {
    const below = value === undefined ? undefined : differenceIn(value, actual[key], `${path}.${key}`);
    if (below !== undefined) return below;
  }
  return undefined;
}

function differenceInList(wanted: readonly unknown[], actual: readonly unknown[], path: string): string | undefined {
  const isNamed = wanted.length > 0 && wanted.every((item) => nameIn(item) !== undefined);
  if (!isNamed && wanted.length !== actual.length) return path;
  for (const [index, item] of wanted.entries()) {
    const other = isNamed ? actual.find((candidate) => nameIn(candidate) === nameIn(item)) : actual[index];
    const below = differenceIn(item, other, `${path}[${nameIn(item) ?? index}]`);
    if (below !== undefined) return below;
  }
  return undefined;
}

function nameIn(item: unknown): string | undefined {
  return isRecord(item) && typeof item['name'] === 'string' ? item['name'] : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
