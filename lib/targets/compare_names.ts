const [ZERO, NINE] = [48, 57];

/** Natural order of names, in which web-9 is before web-10. Zero only for equal names. */
export function compareNames(one: string, other: string): number {
  let [i, j] = [0, 0];
  while (i < one.length && j < other.length) {
    const [a, b] = [one.charCodeAt(i), other.charCodeAt(j)];
    if (isDigit(a) && isDigit(b)) {
      const [endA, endB] = [endOfDigits(one, i), endOfDigits(other, j)];
      const order = compareDigits(one, i, endA, other, j, endB);
      if (order !== 0) return order;
      [i, j] = [endA, endB];
    } else {
      if (a !== b) return a - b;
      i++;
      j++;
    }
  }
  const rest = (one.length - i) - (other.length - j);
  if (rest !== 0) return rest;
  // Only leading zeros are left to tell the names apart: fewer come first.
  const longer = one.length - other.length;
  return longer !== 0 ? longer : one < other ? -1 : one > other ? 1 : 0;
}

/** Sorts names in their natural order; quick if they are sorted already. */
export function sortNames(names: readonly string[]): readonly string[] {
  const isSorted = names.every((name, index) =>
    index === 0 || compareNames(names[index - 1] ?? "", name) <= 0
  );
  return isSorted ? names : names.toSorted(compareNames);
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function endOfDigits(text: string, start: number): number {
  let end = start;
  while (end < text.length && isDigit(text.charCodeAt(end))) end++;
  return end;
}

/** Compares two runs of digits of any length as numbers. */
function compareDigits(
  one: string,
  startA: number,
  endA: number,
  other: string,
  startB: number,
  endB: number,
): number {
  let [i, j] = [startA, startB];
  while (i < endA && one.charCodeAt(i) === ZERO) i++;
  while (j < endB && other.charCodeAt(j) === ZERO) j++;
  const longer = (endA - i) - (endB - j);
  if (longer !== 0) return longer;
  for (; i < endA; i++, j++) {
    const order = one.charCodeAt(i) - other.charCodeAt(j);
    if (order !== 0) return order;
  }
  return 0;
}
