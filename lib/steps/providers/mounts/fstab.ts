import { isSameSet, optionsOf } from "./mount_options.ts";
import { escaped, unescaped } from "./mount_table.ts";

export const FSTAB = "/etc/fstab";

/** File system that shall be mounted. */
export interface WantedMount {
  readonly path: string;
  readonly source: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Reads a line of fstab; undefined for a comment. Source: fstab(5). */
export function readFstabLine(
  line: string,
): (WantedMount & { readonly rest: readonly string[] }) | undefined {
  if (/^\s*(?:#|$)/.test(line)) return undefined;
  const [source = "", path = "", type = "", options = "", ...rest] = line
    .trim().split(/\s+/);
  return {
    source: unescaped(source),
    path: withoutEnd(unescaped(path)),
    type,
    options: optionsOf([options]),
    rest,
  };
}

/** Lines of fstab with one for a file system. Others of its path go. */
export function withMount(
  lines: readonly string[],
  wanted: WantedMount,
): string[] {
  let isDone = false;
  const edited = lines.flatMap((line) => {
    const now = readFstabLine(line);
    if (now?.path !== wanted.path) return [line];
    if (isDone) return [];
    isDone = true;
    const isSame = now.source === wanted.source && now.type === wanted.type &&
      isSameSet(now.options, wanted.options);
    return [isSame ? line : lineOf(wanted, now.rest)];
  });
  return isDone ? edited : [...edited, lineOf(wanted, [])];
}

/** Lines of fstab without those of a path. */
export function withoutMount(lines: readonly string[], path: string): string[] {
  return lines.filter((line) => readFstabLine(line)?.path !== path);
}

function lineOf(
  { source, path, type, options }: WantedMount,
  [dump = "0", pass = "0"]: readonly string[],
): string {
  const words = options.length === 0 ? "defaults" : options.join(",");
  return [escaped(source), escaped(path), type, escaped(words), dump, pass]
    .join(" ");
}

function withoutEnd(path: string): string {
  return path.replace(/(.)\/+$/, "$1");
}
