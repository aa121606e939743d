import type { Edit } from "./older_yaml.ts";

/** Value that RedPepper gives one agent by a name, and the same as it is written here; undefined if it has none. */
export type LookUp = (name: string) => LookedUp | undefined;

/** Value of a name. */
export interface LookedUp {
  /** Value in RedPepper. */
  readonly there: unknown;
  /** Value here. */
  readonly here: unknown;
}

/** Edits of a text, and remarks on it. */
export interface InterpolationEdits {
  readonly edits: readonly Edit[];
  readonly remarks: readonly {
    readonly at: number;
    readonly message: string;
  }[];
}

/** Names that are others here than keys of data. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  "agent",
  "blank",
  "data",
  "empty",
  "facts",
  "false",
  "groups",
  "item",
  "nil",
  "null",
  "secrets",
  "true",
  "vars",
]);

/**
 * Edits after which the expressions of a text mean the same here: RedPepper takes all that is between the braces as a
 * dotted name of data.
 *
 * @param raw the text as it stands in the file, with its quotes
 */
export function interpolationEdits(
  raw: string,
  { quote, lookUps }: {
    /** Quote that can stand in the text. */
    readonly quote: string;
    readonly lookUps: readonly LookUp[];
  },
): InterpolationEdits {
  const edits: Edit[] = [];
  const remarks: { at: number; message: string }[] = [];
  for (const found of raw.matchAll(/\$\{(?!\{)/g)) {
    const start = found.index + 2;
    const [name] = /^[^{}]+(?=\})/.exec(raw.slice(start)) ?? [];
    if (name === undefined) {
      // Without an end it is no expression there.
      edits.push({ start, end: start, text: "{" });
      continue;
    }
    const own = ownName(name, quote);
    if (own !== name) {
      edits.push({ start, end: start + name.length, text: own });
    }
    const isWhole = /^["']?$/.test(raw.slice(0, found.index)) &&
      /^["']?$/.test(raw.slice(start + name.length + 1));
    if (isWhole) continue;
    for (const lookUp of lookUps) {
      const value = lookUp(name);
      const message = value === undefined ? undefined : oddText(name, value);
      if (message === undefined) continue;
      remarks.push({ at: found.index, message });
      break;
    }
  }
  return { edits, remarks };
}

/** Expression for a name of RedPepper. */
function ownName(name: string, quote: string): string {
  if (name === "<agent_id>") return "agent";
  if (name === "<groups>") return "groups";
  const parts = name.split(".");
  const [first = ""] = parts;
  const isPlain = parts.every((part) => /^[A-Za-z_][A-Za-z0-9_-]*$/.test(part));
  if (isPlain && !OWN_NAMES.has(first)) return name;
  if (isPlain) return `data.${name}`;
  return `data${parts.map((part) => `[${quote}${part}${quote}]`).join("")}`;
}

/** Text that Python makes of a value that is no list and no map. */
function textThere(value: unknown): string {
  if (value === true) return "True";
  if (value === false) return "False";
  return value === null ? "None" : String(value);
}

/** Remark on a value that becomes another text here. */
function oddText(name: string, { there, here }: LookedUp): string | undefined {
  if (typeof there === "object" && there !== null) {
    return `"${name}" is a list or a map, and RedPepper writes it as Python does; write \${${name} | join: ", "} or \${${name} | json}`;
  }
  const [before, now] = [textThere(there), String(here ?? "")];
  if (
    before === now ||
    (typeof there === "number" && before === `${here}`.replace(/\.0$/, ""))
  ) return undefined;
  return `"${name}" becomes the text "${now}" here, and "${before}" in RedPepper: write the text itself in data if that counts`;
}
