// Waiting for something to become true, since a flow test cannot know when it will.

/** Resolves once `condition` gives something truthy, with that; rejects with what was waited for after `withinMs`. */
export async function until<T>(what: string, condition: () => T | Promise<T>, withinMs = 15_000): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
