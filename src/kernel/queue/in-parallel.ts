// Several at a time, and no more than that.

/** Acts on each item, on at most `width` of them at once. Rejects as soon as one does; those that were not begun are left out. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  let hasFailed = false;
  const work = async () => {
    while (!hasFailed) {
      const item = queue.shift();
      if (item === undefined) return;
      await act(item).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, work));
}
