import { plainValue, wordsOfName } from "./sysctl_names.ts";

/** Line of a file of sysctl that sets a parameter. */
export interface SysctlLine {
  /** Words of the name, joined by slashes. */
  readonly key: string;
  readonly value: string;
}

/** Reads a line of a file of sysctl; undefined for a comment, or what sets nothing. */
export function readSysctlLine(line: string): SysctlLine | undefined {
  if (/^\s*(?:[#;]|$)/.test(line)) return undefined;
  const [, name = "", value = ""] = /^\s*-?\s*([^=\s]+)\s*=(.*)$/.exec(line) ??
    [];
  const words = wordsOfName(name);
  if (words === undefined) return undefined;
  return { key: words.join("/"), value: plainValue(value) };
}

/** Lines of a file in which a parameter has a value; no line of it if that is undefined. */
export function withParameter(
  lines: readonly string[],
  { name, value }: {
    readonly name: string;
    readonly value: string | undefined;
  },
): string[] {
  const key = wordsOfName(name)?.join("/");
  let isDone = value === undefined;
  const wanted = value === undefined ? "" : plainValue(value);
  const edited = lines.flatMap((line) => {
    const now = readSysctlLine(line);
    if (now === undefined || now.key !== key) return [line];
    if (isDone) return [];
    isDone = true;
    return [now.value === wanted ? line : `${name} = ${wanted}`];
  });
  return isDone ? edited : [...edited, `${name} = ${wanted}`];
}
