import type { Program } from "./program.ts";

/** Shell that starts a program where Deno cannot do so directly. */
export const SHELL = "/bin/sh";

/** Names that a shell takes over from its environment; it may drop all others. */
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Bytes that stand for themselves in the format of printf, in single quotes. */
const PLAIN = /[A-Za-z0-9_./:=,@ +]/;

/**
 * Arguments for `SHELL` that make it the given program: with a mask of new files, which Deno cannot set for a child
 * alone, or with arguments that are not UTF-8, which Deno cannot pass.
 */
export function shellArguments(
  { argv, argvBytes, env, umask }: Pick<
    Program,
    "argv" | "argvBytes" | "env" | "umask"
  >,
): string[] {
  const mask = umask === undefined ? [] : [`umask ${umask.toString(8)}`];
  const odd = Object.entries(env)
    .filter(([name]) => !VARIABLE_NAME.test(name))
    .map(([name, value]) => `${name}=${value}`);
  const before = odd.length === 0 ? [] : ["env", ...odd];
  const words = [...before, ...argvBytes?.map(textOf) ?? argv];
  if (words.every((word) => word !== undefined)) {
    return ["-c", [...mask, 'exec "$@"'].join("; "), "sh", ...words];
  }
  // Bytes reach the shell as escapes in its script. They end with a mark, because it drops line ends at the end of what
  // a command has printed. No character of any encoding that has more bytes ends with ".".
  const made = words.map((word, at) =>
    word === undefined
      ? `"$(printf '${escaped(argvBytes?.[at - before.length])}.')"`
      : `"\${${at + 1}}"`
  );
  const used = words.map((word, at) =>
    word === undefined ? `"\${${at + 1}%.}"` : `"\${${at + 1}}"`
  );
  const script = [
    ...mask,
    `set -- ${made.join(" ")}`,
    `exec ${used.join(" ")}`,
  ].join("; ");
  return ["-c", script, "sh", ...words.map((word) => word ?? "")];
}

/** Text that stands for exactly these bytes; undefined if there is none. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch {
    return undefined;
  }
}

function escaped(bytes: Uint8Array = new Uint8Array()): string {
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    if (PLAIN.test(character)) return character;
    return `\\${byte.toString(8).padStart(3, "0")}`;
  }).join("");
}
