/** Order of two versions as Semantic Versioning has it: below 0 if the first is lower. */
export function compareVersions(one: string, other: string): number {
  const [first, second] = [partsOf(one), partsOf(other)];
  for (const at of [0, 1, 2]) {
    const order = (first.numbers[at] ?? 0) - (second.numbers[at] ?? 0);
    if (order !== 0) return order;
  }
  // A version before a release is lower than the release.
  if (first.words.length === 0 || second.words.length === 0) {
    return second.words.length - first.words.length;
  }
  const length = Math.max(first.words.length, second.words.length);
  for (let at = 0; at < length; at++) {
    const order = compareWords(first.words[at], second.words[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function partsOf(
  version: string,
): { numbers: readonly number[]; words: readonly string[] } {
  const dash = version.indexOf("-");
  const numbers = dash < 0 ? version : version.slice(0, dash);
  return {
    numbers: numbers.split(".").map(Number),
    words: dash < 0 ? [] : version.slice(dash + 1).split("."),
  };
}

function compareWords(
  one: string | undefined,
  other: string | undefined,
): number {
  if (one === undefined || other === undefined) {
    return one === other ? 0 : one === undefined ? -1 : 1;
  }
  const [isNumber, isOther] = [/^\d+$/.test(one), /^\d+$/.test(other)];
  if (isNumber && isOther) return Number(one) - Number(other);
  if (isNumber !== isOther) return isNumber ? -1 : 1;
  return one === other ? 0 : one < other ? -1 : 1;
}
