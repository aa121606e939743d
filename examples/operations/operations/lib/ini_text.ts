/** Place of a setting in the lines of an INI file. */
export interface Setting {
  /** Number of its line, or of the line in front of which it belongs. */
  readonly line: number;
  /** Undefined if it is not there. */
  readonly value: string | undefined;
}

/** Finds a setting of a section. Undefined if there is no such section. */
export function findSetting(
  lines: readonly string[],
  section: string,
  key: string,
): Setting | undefined {
  const head = lines.findIndex((line) => line.trim() === `[${section}]`);
  if (head < 0) return undefined;
  let end = head + 1;
  while (end < lines.length && !lines[end]?.trim().startsWith("[")) {
    const [name = "", ...rest] = (lines[end] ?? "").split("=");
    if (name.trim() === key) {
      return { line: end, value: rest.join("=").trim() };
    }
    end++;
  }
  return { line: end, value: undefined };
}
