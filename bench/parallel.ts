/** Does something with each item in order, so many at a time. Rejects as soon as one does. */
export async function inParallel<T>(
  items: readonly T[],
  atATime: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  await Promise.all(Array.from({ length: atATime }, async () => {
    // They share the iterator: each takes what the others have left.
    for (const [index, item] of queue) await work(item, index);
  }));
}
