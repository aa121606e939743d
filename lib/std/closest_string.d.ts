export function closestString(
  givenWord: string,
  possibleWords: readonly string[],
  options?: {
    caseSensitive?: boolean;
    compareFn?: (givenWord: string, possibleWord: string) => number;
  },
): string;
