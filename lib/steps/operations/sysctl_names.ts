import { quoted, WrongValue } from "../wrong_value.ts";

const WORD = /^[A-Za-z0-9_][A-Za-z0-9_:@-]*$/;
const MAX_NAME = 256;
const MAX_VALUE = 4_096;

/** Folder of the kernel's parameters. */
export const KERNEL = "/proc/sys";

/**
 * Words of the name of a kernel's parameter, one a folder. The first of dot and slash parts the words, and the other one
 * belongs to them: net.ipv4.conf.eth0/100.rp_filter. Source: sysctl.d(5).
 */
export function wordsOfName(name: string): readonly string[] | undefined {
  const parting = /[./]/.exec(name)?.[0];
  if (parting === undefined || name.length > MAX_NAME) return undefined;
  const words = name.split(parting).map((word) =>
    word.replaceAll(parting === "." ? "/" : ".", ".")
  );
  const isRight = words.every((word) =>
    word.split(".").every((part) => WORD.test(part))
  );
  return isRight ? words : undefined;
}

/**
 * Path of a parameter in /proc.
 *
 * @throws {WrongValue}
 */
export function pathOfName(name: string): string {
  const words = wordsOfName(name);
  if (words !== undefined) return [KERNEL, ...words].join("/");
  throw new WrongValue(
    ["name"],
    `${quoted(name)} is no name of a parameter of the kernel, as vm.swappiness`,
  );
}

/** Value whose blanks are single spaces: the kernel writes tabs. */
export function plainValue(value: string): string {
  return value.trim().split(/\s+/).join(" ");
}

/** Words for the flaw of a value that no file of sysctl can have; undefined if it is right. */
export function valueFlaw(value: string): string | undefined {
  // deno-lint-ignore no-control-regex
  const isRight = !/[\x00-\x08\x0a-\x1f\x7f]/.test(value.trim()) &&
    value.length <= MAX_VALUE && plainValue(value) !== "";
  return isRight
    ? undefined
    : `it must be a text of one line, with at most ${MAX_VALUE} characters`;
}
