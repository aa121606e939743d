/**
 * Reader of the part of YAML that Piri writes its own settings in. It is a page of code; a whole YAML library would
 * take two megabytes in every agent.
 *
 * @module
 */

/** Text or a boolean. */
type Scalar = string | boolean;

/** Map of settings, with text, lists of text, and maps of text. */
export type PlainYaml = Readonly<
  Record<string, Scalar | readonly Scalar[] | Readonly<Record<string, Scalar>>>
>;

const COMMENT = /^#[^\p{Cc}\u2028\u2029\ufeff]*$/u;
const INNER_COMMENT = /^ {2}#[^\p{Cc}\u2028\u2029\ufeff]*$/u;
const ENTRY = /^([A-Za-z][A-Za-z0-9]{0,63}):(?: (\S+))?$/;
const INNER_ENTRY = /^ {2}([A-Za-z][A-Za-z0-9]{0,63}): (\S+)$/;
const INNER_ITEM = /^ {2}- (\S+)$/;
const BLOCK_LINE = /^ {2}([!-~][ -~]*)$/;
const QUOTED = /^"([!#-[\]-~]*)"$/;
const BARE = /^[A-Za-z0-9][A-Za-z0-9_.:/-]*$/;

/** Words without quotes that YAML does not read as text: numbers, null and booleans. */
const NOT_TEXT = /^(?:[0-9][0-9.]*(?:e[-+]?[0-9]+)?|0[xo].*|null|true|false)$/i;

/**
 * Reads YAML of the simplest kind: words, lists and maps of words one level deep, and blocks of lines. Undefined if the
 * text has anything else; it may still be valid YAML.
 */
export function readPlainYaml(text: string): PlainYaml | undefined {
  if (!text.endsWith("\n")) return undefined;
  const lines = text.slice(0, -1).split("\n");
  const settings: Record<string, PlainYaml[string]> = {};
  let at = 0;
  /** Takes the following lines as long as they belong to the entry above. */
  const inner = (pattern: RegExp, skip?: RegExp): RegExpExecArray[] => {
    const found: RegExpExecArray[] = [];
    for (; at < lines.length; at++) {
      const line = lines[at] ?? "";
      const match = pattern.exec(line);
      if (match !== null) found.push(match);
      else if (skip === undefined || !skip.test(line)) break;
    }
    return found;
  };
  while (at < lines.length) {
    const line = lines[at++] ?? "";
    if (line === "" || COMMENT.test(line)) continue;
    const [, key, word] = ENTRY.exec(line) ?? [];
    if (key === undefined || Object.hasOwn(settings, key)) return undefined;
    const value = word === "|"
      ? blockOf(inner(BLOCK_LINE))
      : word === undefined
      ? listOf(inner(INNER_ITEM, INNER_COMMENT)) ??
        mapOf(inner(INNER_ENTRY, INNER_COMMENT))
      : scalarOf(word);
    if (value === undefined) return undefined;
    settings[key] = value;
  }
  return Object.keys(settings).length > 0 ? settings : undefined;
}

function blockOf(lines: readonly RegExpExecArray[]): string | undefined {
  if (lines.length === 0) return undefined;
  return lines.map(([, line = ""]) => `${line}\n`).join("");
}

function listOf(items: readonly RegExpExecArray[]): Scalar[] | undefined {
  if (items.length === 0) return undefined;
  const list: Scalar[] = [];
  for (const [, word = ""] of items) {
    const value = scalarOf(word);
    if (value !== undefined) list.push(value);
  }
  return list.length === items.length ? list : undefined;
}

function mapOf(
  entries: readonly RegExpExecArray[],
): Record<string, Scalar> | undefined {
  if (entries.length === 0) return undefined;
  const map: Record<string, Scalar> = {};
  for (const [, key = "", word = ""] of entries) {
    const value = scalarOf(word);
    if (value === undefined || Object.hasOwn(map, key)) return undefined;
    map[key] = value;
  }
  return map;
}

/** Value of a word, undefined if the word is not plain. */
function scalarOf(word: string): Scalar | undefined {
  const [, quoted] = QUOTED.exec(word) ?? [];
  if (quoted !== undefined) return quoted;
  if (word === "true" || word === "false") return word === "true";
  return BARE.test(word) && !word.endsWith(":") && !NOT_TEXT.test(word)
    ? word
    : undefined;
}
