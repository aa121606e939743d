import { isScalar, isSeq, type Scalar, visit, type YAMLMap } from "yaml";
import type { Note } from "./note.ts";
import {
  type Edit,
  edited,
  isParsed,
  olderValue,
  type OlderYaml,
  parseOlderYaml,
  sourceOf,
} from "./older_yaml.ts";
import { interpolationEdits, type LookUp } from "./own_expressions.ts";
import type { RedpepperFolder } from "./redpepper_folder.ts";

/** States for the Manager's folder. */
export interface RedpepperStates {
  /** Contents by paths. A line of a file is the same line there. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Paths of RedPepper's files by those of ours. */
  readonly origins: ReadonlyMap<string, string>;
  readonly notes: readonly Note[];
}

/** Reads state/GROUP.yml and state/GROUP/NAME.yml. */
export function readStates(
  { files }: Pick<RedpepperFolder, "files">,
  lookUps: (group: string) => readonly LookUp[],
): RedpepperStates {
  const made = new Map<string, Uint8Array>();
  const origins = new Map<string, string>();
  const notes: Note[] = [];
  for (const [path, bytes] of files) {
    if (!path.startsWith("state/")) continue;
    const [, group, name] =
      /^state\/([^/]+?)(?:\/([a-zA-Z0-9_-]+))?\.yml$/.exec(path) ?? [];
    if (group === undefined) {
      notes.push({
        file: path,
        message:
          "It is not copied: RedPepper reads state/GROUP.yml and state/GROUP/NAME.yml",
        isLost: false,
      });
      continue;
    }
    const parsed = parseOlderYaml(new TextDecoder().decode(bytes), path);
    if (!isParsed(parsed)) {
      notes.push(parsed);
      continue;
    }
    const edits = new StateEdits(path, parsed, lookUps(group));
    const own = `states/groups/${group}${
      name === undefined ? "" : `/${name}`
    }.yaml`;
    made.set(
      own,
      new TextEncoder().encode(edited(parsed.text, edits.find())),
    );
    origins.set(own, path);
    notes.push(...edits.notes);
  }
  return { files: made, origins, notes };
}

/** Edits after which a state means the same here. They keep the lines of the file. */
class StateEdits {
  readonly notes: Note[] = [];
  readonly #file: string;
  readonly #parsed: OlderYaml;
  readonly #lookUps: readonly LookUp[];
  readonly #edits: Edit[] = [];

  constructor(file: string, parsed: OlderYaml, lookUps: readonly LookUp[]) {
    this.#file = file;
    this.#parsed = parsed;
    this.#lookUps = lookUps;
  }

  find(): readonly Edit[] {
    const { document } = this.#parsed;
    const isList = isSeq(document.contents);
    visit(document, {
      Map: (_, map) => {
        if (map.has("type")) this.#step(map);
      },
      Scalar: (key, scalar) => {
        if (key === "key") return;
        if (isList) this.#interpolated(scalar);
        else this.#literal(scalar);
      },
    });
    return this.#edits;
  }

  #tell(
    scalar: Scalar,
    message: string,
    { isLost = false }: { isLost?: boolean } = {},
  ): void {
    const at = scalar.range?.[0];
    this.notes.push({
      file: this.#file,
      ...at === undefined ? {} : { line: this.#parsed.lineAt(at) },
      message,
      isLost,
    });
  }

  #step(map: YAMLMap): void {
    const type = map.get("type");
    const method = map.get("method");
    for (const { key, value } of map.items) {
      if (!isScalar(key) || !isScalar(value)) continue;
      if (key.value === "mode") this.#mode(value);
      else if (key.value !== "if") this.#number(String(key.value), value);
      if (
        key.value === "source" && type === "file.Installed" &&
        method !== "content"
      ) this.#source(value);
    }
  }

  /** A number there is a number here in octal digits. */
  #mode(scalar: Scalar): void {
    const text = sourceOf(scalar);
    const [, name] = /^\$\{([^{}]+)\}$/.exec(String(scalar.value)) ?? [];
    if (name !== undefined) this.#modeOf(scalar, name);
    const value = olderValue(text);
    if (
      scalar.type !== "PLAIN" || typeof value !== "number" ||
      /^0[0-7]*$/.test(text) || !scalar.range
    ) return;
    const octal = `0${value.toString(8)}`;
    this.#edits.push({
      start: scalar.range[0],
      end: scalar.range[1],
      text: octal,
    });
    this.#tell(
      scalar,
      `The mode ${text} is written as ${octal}: without a 0 in front it is a decimal number for RedPepper${
        value > 0o777 && /^[0-7]{3,4}$/.test(text)
          ? `; was 0${text} meant?`
          : ""
      }`,
    );
  }

  /** A mode out of data is read in octal digits here, and may be a number there. */
  #modeOf(scalar: Scalar, name: string): void {
    for (const lookUp of this.#lookUps) {
      const { there, here } = lookUp(name) ?? {};
      if (typeof there !== "number") continue;
      if (parseInt(String(here), 8) === there) continue;
      this.#tell(
        scalar,
        `Cannot use "${name}" as a mode: it is the number ${there} in data; write "0${
          there.toString(8)
        }" there, in quotes`,
        { isLost: true },
      );
      return;
    }
  }

  #number(key: string, scalar: Scalar): void {
    const text = sourceOf(scalar);
    const value = olderValue(text);
    if (scalar.type !== "PLAIN" || typeof value !== "number") return;
    if (String(value) === text) return;
    this.#tell(
      scalar,
      `"${key}" is read as it is written here, as "${text}"; RedPepper reads the number ${value}`,
    );
  }

  /** Empty parts of a path count for nothing there. */
  #source(scalar: Scalar): void {
    const text = String(scalar.value);
    const plain = text.split("/").filter((part) => part !== "").join("/");
    if (plain === text || text.includes("${")) return;
    this.#replace(scalar, text, plain);
  }

  #replace(scalar: Scalar, from: string, to: string): void {
    if (!scalar.range) return;
    const [start, end] = scalar.range;
    const at = this.#parsed.text.slice(start, end).indexOf(from);
    if (at < 0) {
      this.#tell(scalar, `Write "${to}" in the place of "${from}"`);
      return;
    }
    this.#edits.push({
      start: start + at,
      end: start + at + from.length,
      text: to,
    });
  }

  #interpolated(scalar: Scalar): void {
    if (!scalar.range) return;
    const [start, end] = scalar.range;
    const raw = this.#parsed.text.slice(start, end);
    const quote = scalar.type === "QUOTE_DOUBLE" ? "'" : '"';
    const found = interpolationEdits(raw, { quote, lookUps: this.#lookUps });
    for (const edit of found.edits) {
      this.#edits.push({
        start: start + edit.start,
        end: start + edit.end,
        text: edit.text,
      });
    }
    for (const { at, message } of found.remarks) {
      this.notes.push({
        file: this.#file,
        line: this.#parsed.lineAt(start + at),
        message,
        isLost: false,
      });
    }
  }

  #literal(scalar: Scalar): void {
    if (!String(scalar.value).includes("${")) return;
    this.#tell(
      scalar,
      '"${" means nothing in a map of steps, as in RedPepper of June 2024; if yours puts data in its place, write the file as a list: "- Name: {type: ...}"',
    );
  }
}
