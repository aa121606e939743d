import { type Item, mergeItems } from "./item.ts";
import { parseTree } from "./parse_tree.ts";
import { Problems } from "./problems.ts";
import type { Problem } from "./problems.ts";
import { readItems } from "./read_items.ts";
import { readRedpepperForm } from "./redpepper_form.ts";
import type { StateFile, StateReader } from "./state_reader.ts";

/** The agent that a state is for, as far as its files are chosen by it. */
export interface StateOwner {
  readonly id: string;
  readonly groups: readonly string[];
}

interface ParsedFile {
  readonly stamp: string;
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
  readonly lines: readonly string[];
}

/** Items of a state, of all of its layers. */
export interface LayeredItems {
  readonly items: readonly Item[];
  readonly problems: readonly Problem[];
  /** Paths of its files that are there, the weakest layer first. */
  readonly paths: readonly string[];
}

/** Files of states. Each one is parsed once, until it changes. */
export class StateFiles {
  readonly #reader: StateReader;
  readonly #parsed = new Map<string, ParsedFile>();

  constructor(reader: StateReader) {
    this.#reader = reader;
  }

  /** Items of a state for an agent, merged. */
  async itemsOf(state: string, owner: StateOwner): Promise<LayeredItems> {
    let items: readonly Item[] = [];
    const problems: Problem[] = [];
    const paths: string[] = [];
    for (const path of layersOf(state, owner)) {
      const file = await this.#reader.open(path);
      if (file === undefined) continue;
      const parsed = await this.#parse(file);
      paths.push(path);
      problems.push(...parsed.problems);
      items = mergeItems(items, parsed.items);
    }
    return { items, problems, paths };
  }

  /** Line of a file that was parsed, as it is in there. */
  lineOf(path: string, line: number): string | undefined {
    return this.#parsed.get(path)?.lines[line - 1];
  }

  async #parse(file: StateFile): Promise<ParsedFile> {
    const known = this.#parsed.get(file.path);
    if (known?.stamp === file.stamp) return known;
    const problems = new Problems();
    const { text, isText } = decode(await file.load());
    if (!isText) {
      problems.add(
        { file: file.path, line: 1, column: 1 },
        "Cannot read this file: it is no text in UTF-8",
      );
    }
    const items = isText
      ? problems.attempt(() => itemsIn(text, file.path, problems)) ?? []
      : [];
    const parsed = {
      stamp: file.stamp,
      items,
      problems: problems.all,
      lines: text.split(/\r?\n/),
    };
    this.#parsed.set(file.path, parsed);
    return parsed;
  }
}

function decode(bytes: Uint8Array): { text: string; isText: boolean } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { text, isText: true };
  } catch {
    return { text: "", isText: false };
  }
}

function itemsIn(
  text: string,
  path: string,
  problems: Problems,
): readonly Item[] {
  const tree = parseTree(text, path);
  if (tree === undefined) return [];
  return tree.kind === "map"
    ? readRedpepperForm(tree, problems)
    : readItems(tree, problems);
}

/** Paths of the files of a state for an agent, the weakest layer first. The state without a name is the agent's whole state. */
export function layersOf(
  state: string,
  { id, groups }: StateOwner,
): readonly string[] {
  const end = state === "" ? ".yaml" : `/${state}.yaml`;
  return [
    `states/all${end}`,
    ...groups.map((group) => `states/groups/${group}${end}`),
    `states/agents/${id}${end}`,
  ];
}

/** Names of the states among paths of files, sorted; the state without a name is the empty text. */
export function stateNames(paths: readonly string[]): readonly string[] {
  const names = paths.flatMap((path) => {
    const found = STATE_PATH.exec(path);
    return found === null ? [] : [found[1] ?? ""];
  });
  return [...new Set(names)].toSorted();
}

const STATE_PATH =
  /^states\/(?:all|(?:groups|agents)\/[^/]+?)(?:\/(.+))?\.yaml$/;
