import { globMatches } from "../base/glob.ts";

/**
 * True if a word means a step: its full name, the end of it behind a colon, one of its tags, or a pattern for one of these
 * in which "*" stands for any characters but "/".
 */
export function meansStep(
  word: string,
  { name, tags = [] }: {
    readonly name: string;
    readonly tags?: readonly string[] | undefined;
  },
): boolean {
  return [...tailsOf(name), ...tags].some((each) =>
    each === word || globMatches(word, each)
  );
}

/** The full name of a step, and all ends of it that begin behind a colon. */
export function tailsOf(name: string): string[] {
  const parts = name.split(":");
  return parts.map((_, at) => parts.slice(at).join(":"));
}
