// Plugin configuration that a user wrote himself: passed on key by key, in an order that does not depend on how it was written.
import type { PluginConfig } from '../../api/v1alpha1/plugin.ts';

export type Json = Readonly<Record<string, unknown>>;

/**
 * Levels of lists and objects inside one another. The API server takes thousands, on which every recursion here (and
 * JSON.stringify itself) would run out of stack.
 */
const DEPTH_MAX = 32;

/** The configuration with `type` first and all other keys sorted, at every depth. Values stay as they are. */
export function pluginConfigFor({ type, ...rest }: PluginConfig): Json {
  // Made from entries, not by assignment: a key such as __proto__ is a key like any other.
  return Object.fromEntries([['type', type], ...Object.entries(sortedKeys(rest, DEPTH_MAX) as Json)]);
}

/** What is wrong with it, as the end of a sentence that starts with its place; nothing when all is well. */
export function whatIsWrongWithPlugin(config: PluginConfig): string | undefined {
  // Go's JSON reader takes keys in any case, and the last one wins: another plugin would run than the one that was checked.
  const second = Object.keys(config).find((key) => key !== 'type' && key.toLowerCase() === 'type');
  if (second !== undefined) return `has the key "${second}" beside "type"; CNI takes them for one`;
  return isDeeperThan(config, DEPTH_MAX) ? `is nested more than ${DEPTH_MAX} levels deep` : undefined;
}

/** What lies deeper than allowed is left out: the checks refuse such a configuration, and nothing here may fail on it. */
function sortedKeys(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((item) => sortedKeys(item, levels - 1));
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortedKeys(item, levels - 1)]));
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeperThan(item, levels - 1));
}
