/** Parts of a list of numbers in which each is one more than the one before it. */
export function runs(
  numbers: readonly number[],
): { readonly index: number; readonly length: number }[] {
  const starts = numbers.flatMap((number, index) =>
    number - 1 === numbers[index - 1] ? [] : [index]
  );
  return starts.map((index, n) => ({
    index,
    length: (starts[n + 1] ?? numbers.length) - index,
  }));
}
