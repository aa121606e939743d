/** The last word of an unfinished command line. */
export interface UnfinishedLine {
  /** All words without their quotes; the last one is at the cursor, and may be empty. */
  readonly words: readonly string[];
  /** The last word as it was typed, with its quotes. */
  readonly raw: string;
}

/** Splits an unfinished command line as a POSIX shell does. Nothing is expanded. */
export function shellWords(line: string): UnfinishedLine {
  const words: string[] = [];
  let word = "";
  let raw = "";
  let quote = "";
  let isOpen = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? "";
    if (quote === "" && /\s/.test(character)) {
      if (isOpen) words.push(word);
      [word, raw, isOpen] = ["", "", false];
      continue;
    }
    raw += character;
    isOpen = true;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) {
      quote = character;
    } else if (character === "\\" && quote !== "'" && at + 1 < line.length) {
      const next = line[++at] ?? "";
      raw += next;
      word += next;
    } else word += character;
  }
  return { words: [...words, word], raw };
}
