// Plugin configuration that a user wrote himself: passed on key by key, in an order that does not depend on how it was written.
import type { PluginConfig } from '../../api/v1alpha1/plugin.ts';

export type Json = Readonly<Record<string, unknown>>;

/** The configuration with `type` first and all other keys sorted, at every depth. Values stay as they are. */
export function pluginConfigFor({ type, ...rest }: PluginConfig): Json {
  // Made from entries, not by assignment: a key such as __proto__ is a key like any other.
  return Object.fromEntries([['type', type], ...Object.entries(sortedKeys(rest) as Json)]);
}

/**
 * What is wrong with it, as the end of a sentence that starts with its place; nothing when all is well. Go's JSON reader takes
 * keys in any case, the last one wins: a second spelling of `type` would name another plugin than the one that was checked.
 */
export function whatIsWrongWithPlugin(config: PluginConfig): string | undefined {
  const second = Object.keys(config).find((key) => key !== 'type' && foldCase(key) === 'type');
  return second === undefined ? undefined : `has the key "${second}" beside "type"; CNI takes them for one`;
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortedKeys(item)]));
}

function foldCase(text: string): string {
  return text.toLowerCase();
}
