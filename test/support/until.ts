// Waiting for something to become true, since a flow test cannot know when it will.

/** On an emulated processor everything takes this many times as long. */
const PATIENCE = process.env['MACVLAN_VM'] === undefined ? 1 : 8;

/** Resolves once `condition` gives something truthy, with that; rejects with what was waited for after `withinMs`. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  withinMs = 15_000,
): Promise<NonNullable<T>> {
  const end = performance.now() + withinMs * PATIENCE;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${withinMs * PATIENCE} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
