/** Works on the items in order, at most this number at a time. Rejects as soon as one call does. */
export async function inParallel<T>(
  items: readonly T[],
  atATime: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  await Promise.all(Array.from({ length: atATime }, async () => {
    // The workers share the iterator: each takes the next item that is left.
    for (const [index, item] of queue) await work(item, index);
  }));
}
