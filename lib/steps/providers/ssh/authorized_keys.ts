import {
  isSameKey,
  type KeyLine,
  keyLineOf,
  readKeyLine,
} from "./public_key.ts";

/** Keys that a file shall have. */
export interface WantedKeys {
  readonly keys: readonly KeyLine[];
  /** True to remove all other keys. */
  readonly only: boolean;
  /** True to remove these keys. */
  readonly absent: boolean;
}

/** Lines of authorized_keys with the keys that shall be there. Words around a key stay where the wanted one has none. */
export function withKeys(
  lines: readonly string[],
  { keys, only, absent }: WantedKeys,
): string[] {
  const seen = new Set<KeyLine>();
  const edited = lines.flatMap((line) => {
    const now = readKeyLine(line);
    if (now === undefined) return only && !isComment(line) ? [] : [line];
    const wanted = keys.find((each) => isSameKey(each, now));
    if (wanted === undefined) return only ? [] : [line];
    // A second line of a key could allow more than the first one does.
    if (absent || seen.has(wanted)) return [];
    seen.add(wanted);
    const { options, comment } = wanted;
    const isRight = (options === "" || options === now.options) &&
      (comment === "" || comment === now.comment);
    if (isRight) return [line];
    return [keyLineOf({
      ...now,
      ...options === "" ? {} : { options },
      ...comment === "" ? {} : { comment },
    })];
  });
  if (absent) return edited;
  const missing = keys.filter((each) => !seen.has(each));
  return [...edited, ...missing.map(keyLineOf)];
}

function isComment(line: string): boolean {
  return /^\s*(?:#|$)/.test(line);
}
