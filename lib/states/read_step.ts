import { didYouMean } from "../base/nearest.ts";
import type { ParameterShape, ParameterType } from "../steps/parameters.ts";
import type { SheetValue } from "../steps/sheet.ts";
import { wrongValueIn } from "../steps/secrets/known_values.ts";
import type { StepDescription } from "../steps/step_operation.ts";
import type { Blobs } from "./blobs.ts";
import type { ContentFiles } from "./content_files.ts";
import { readDecision } from "./conditions.ts";
import type { StepSettings } from "./draft.ts";
import type { Scope } from "./expressions.ts";
import type { Interpolation } from "./interpolate.ts";
import type { StepItem } from "./item.ts";
import type { Place } from "./place.ts";
import { type Problems, StateError } from "./problems.ts";
import {
  readCount,
  readDuration,
  readParameter,
  readReferences,
  readSwitch,
  readTexts,
  type Reference,
  scalarOf,
} from "./read_parameter.ts";
import { adviceOn } from "./redpepper_step.ts";
import type { StateOwner } from "./state_files.ts";
import { entryOf, isEmpty, type Tree, type TreeEntry } from "./tree.ts";

/** Keys of every step, whatever its operation. */
export const STEP_KEYS = [
  "type",
  "if",
  "each",
  "as",
  "require",
  "onchanges",
  "continue",
  "retry",
  "timeout",
  "tags",
  "show",
] as const;

/** Keys that are read before the others, so that no parameter can have their names. */
export const OWN_KEYS: ReadonlySet<string> = new Set([
  "type",
  "if",
  "each",
  "as",
]);

/** Parts that a step is read with. */
export interface StepContext {
  readonly interpolation: Interpolation;
  readonly files: ContentFiles;
  readonly blobs: Blobs;
  readonly scope: Scope;
  readonly owner: StateOwner;
  readonly problems: Problems;
}

/** Keys and parameters of a step, read. */
export interface ReadStep {
  readonly params: Readonly<Record<string, SheetValue>>;
  readonly listeners: Readonly<Record<string, readonly Reference[]>>;
  readonly require: readonly Reference[];
  readonly onchanges: readonly Reference[];
  readonly settings: StepSettings;
}

/**
 * Operation of a step.
 *
 * @throws {StateError}
 */
export function operationOf(
  { body, name }: StepItem,
  operations: ReadonlyMap<string, StepDescription>,
): StepDescription {
  const type = entryOf(body, "type")?.value;
  if (type === undefined || isEmpty(type)) {
    throw new StateError(
      body.place,
      `Cannot read "${name}": "type" is missing, which names its operation, as file.Installed`,
    );
  }
  const { text, place } = scalarOf(type, "type", "the name of an operation");
  const found = operations.get(text);
  if (found !== undefined) return found;
  const advice = adviceOn(text) ?? didYouMean(
    text,
    [...operations.keys()],
    '"piri-manager state schema" lists all operations',
  );
  throw new StateError(
    place,
    `Cannot find the operation "${text}": ${advice}`,
  );
}

/** Reads the keys and parameters of a step. Undefined if there are errors. */
export async function readStep(
  item: StepItem,
  operation: StepDescription,
  context: StepContext,
): Promise<ReadStep | undefined> {
  const reader = new StepReader(item, operation, context);
  return await reader.read();
}

class StepReader {
  readonly #item: StepItem;
  readonly #operation: StepDescription;
  readonly #context: StepContext;
  readonly #params = new Map<string, SheetValue>();
  readonly #listeners = new Map<string, readonly Reference[]>();
  #require: readonly Reference[] = [];
  #onchanges: readonly Reference[] = [];
  #settings: StepSettings = {};
  /** Parameters that were given, also those with errors. */
  readonly #given = new Map<string, TreeEntry>();
  #hasFailed = false;

  constructor(
    item: StepItem,
    operation: StepDescription,
    context: StepContext,
  ) {
    this.#item = item;
    this.#operation = operation;
    this.#context = context;
  }

  async read(): Promise<ReadStep | undefined> {
    for (const entry of this.#item.body.entries) {
      if (!OWN_KEYS.has(entry.key)) this.#attempt(() => this.#entry(entry));
    }
    this.#attempt(() => this.#requireParams());
    await this.#contents();
    if (!this.#hasFailed) this.#attempt(() => this.#validate());
    if (this.#hasFailed) return undefined;
    return {
      params: Object.fromEntries(this.#params),
      listeners: Object.fromEntries(this.#listeners),
      require: this.#require,
      onchanges: this.#onchanges,
      settings: this.#settings,
    };
  }

  #attempt(work: () => void): void {
    const done = this.#context.problems.attempt(() => {
      work();
      return true;
    });
    if (done === undefined) this.#hasFailed = true;
  }

  #entry(entry: TreeEntry): void {
    const { parameters } = this.#operation;
    const { key, keyPlace } = entry;
    const isParameter = Object.hasOwn(parameters, key);
    if (!isParameter && !STEP_KEYS.some((each) => each === key)) {
      throw new StateError(
        keyPlace,
        `Cannot use "${key}" in ${this.#operation.name}: ${
          didYouMean(
            key,
            [...Object.keys(parameters), ...STEP_KEYS],
            `its parameters are ${Object.keys(parameters).join(", ")}`,
          )
        }`,
      );
    }
    if (isParameter && !isEmpty(entry.value)) this.#given.set(key, entry);
    if (isParameter && parameters[key]?.decided && !isEmpty(entry.value)) {
      this.#params.set(key, readDecision(entry.value, key, this.#context));
      return;
    }
    // The variables of a template may hold a whole secret, so they are read where it is rendered.
    if (isParameter && key === "vars") return;
    const value = this.#resolved(entry.value);
    if (value === undefined || isEmpty(value)) {
      this.#given.delete(key);
      return;
    }
    const shape = parameters[key];
    if (shape === undefined) this.#key(key, value);
    else this.#parameter(shape, { ...entry, value });
  }

  #resolved(tree: Tree): Tree | undefined {
    const { interpolation, scope } = this.#context;
    return this.#item.isLiteral ? tree : interpolation.resolve(tree, scope);
  }

  #parameter(shape: ParameterShape, entry: TreeEntry): void {
    const { key: name, value } = entry;
    this.#given.set(name, entry);
    if (shape.type === "steps") {
      this.#listeners.set(name, readReferences(value, name));
      return;
    }
    const blob = (content: string) => this.#context.blobs.add(content);
    this.#params.set(name, readParameter(value, { name, shape, blob }));
  }

  #key(key: string, value: Tree): void {
    if (key === "require") this.#require = readReferences(value, key);
    if (key === "onchanges") this.#onchanges = readReferences(value, key);
    if (key === "continue" && readSwitch(value, key)) {
      this.#set({ continue: true });
    }
    if (key === "show" && !readSwitch(value, key)) this.#set({ hidden: true });
    if (key === "tags") this.#set({ tags: readTexts(value, key) });
    if (key === "timeout") this.#set({ timeoutMs: readDuration(value, key) });
    if (key === "retry") this.#set({ retry: readRetry(value) });
  }

  #set(settings: StepSettings): void {
    this.#settings = { ...this.#settings, ...settings };
  }

  #requireParams(): void {
    const { parameters, oneOf = [], name } = this.#operation;
    const place = this.#item.name === undefined
      ? this.#item.body.place
      : this.#item.place;
    for (const [key, { required }] of Object.entries(parameters)) {
      if (required !== true || this.#given.has(key)) continue;
      throw new StateError(
        place,
        `Cannot use ${name} here: its parameter "${key}" is missing`,
      );
    }
    for (const names of oneOf) {
      const [first, second] = names.filter((each) => this.#given.has(each));
      const all = names.map((each) => `"${each}"`).join(", ");
      if (first === undefined) {
        throw new StateError(
          place,
          `Cannot use ${name} here: one of ${all} is missing`,
        );
      }
      if (second !== undefined) {
        throw new StateError(
          this.#given.get(second)?.keyPlace ?? place,
          `Cannot use "${first}" and "${second}" in one step: only one of ${all} can be given`,
        );
      }
    }
  }

  /** Refuses values that no host takes, at the place of the value. */
  #validate(): void {
    const params = Object.fromEntries(this.#params);
    const wrong = wrongValueIn(this.#operation, params);
    if (wrong === undefined) return;
    const { at: [key, item], why } = wrong;
    const { name, body, place } = this.#item;
    const given = this.#given.get(key)?.value;
    throw new StateError(
      given === undefined
        ? name === undefined ? body.place : place
        : placeOfItem(given, item),
      `Cannot use "${key}" of ${
        name === undefined ? `this ${this.#operation.name}` : `step "${name}"`
      }: ${why}`,
    );
  }

  /** Puts files of the Manager in place of their names: as content where the operation takes one, else as blobs. */
  async #contents(): Promise<void> {
    const { parameters } = this.#operation;
    if (this.#hasFailed) return;
    for (const [key, { type }] of Object.entries(parameters)) {
      const place = this.#given.get(key)?.value.place;
      const name = this.#params.get(key);
      if (place === undefined || typeof name !== "string") continue;
      try {
        const value = await this.#fileOf(key, type, { name, place });
        if (value === undefined) continue;
        this.#params.delete(key);
        this.#params.set(this.#becomesContent(key) ? "content" : key, value);
      } catch (error) {
        if (!(error instanceof StateError)) throw error;
        this.#context.problems.add(error.place, error.message);
        this.#hasFailed = true;
      }
    }
  }

  /** Value of a parameter that names a file of the Manager. Undefined for all other parameters. */
  async #fileOf(
    key: string,
    type: ParameterType,
    { name, place }: { readonly name: string; readonly place: Place },
  ): Promise<SheetValue | undefined> {
    const { files, owner, blobs } = this.#context;
    const at = { place, owner, blobs };
    if (!this.#becomesContent(key)) {
      if (type === "file") return await files.file(name, at);
      return type === "folder" ? await files.folder(name, at) : undefined;
    }
    if (key === "source") return await files.source(name, at);
    const scope = this.#templateScope();
    return await files.template(name, { ...at, scope });
  }

  /** True for a file that is given in place of a content. */
  #becomesContent(key: string): boolean {
    return (key === "source" || key === "template") &&
      this.#operation.parameters.content !== undefined;
  }

  /** Names that a template may use: those of the step, and its variables. */
  #templateScope(): Scope {
    const { interpolation, scope } = this.#context;
    const vars = this.#given.get("vars")?.value;
    if (vars === undefined || isEmpty(vars)) return scope;
    const value = interpolation.valueOf(vars, scope);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new StateError(
        vars.place,
        'Cannot read "vars": it should be a map of variables',
      );
    }
    const before = scope.vars;
    const all = {
      ...typeof before === "object" ? before : {},
      ...value,
    };
    return { ...scope, ...value, vars: all };
  }
}

/** Place of an item of a list, or of a key of a map. */
function placeOfItem(tree: Tree, item: number | string | undefined): Place {
  const place = tree.kind === "list"
    ? tree.items[Number(item)]?.place
    : tree.kind === "map"
    ? entryOf(tree, String(item))?.keyPlace
    : undefined;
  return place ?? tree.place;
}

function readRetry(value: Tree): { times: number; everyMs: number } {
  const times = value.kind === "map" ? entryOf(value, "times") : undefined;
  const every = value.kind === "map" ? entryOf(value, "every") : undefined;
  const size = value.kind === "map" ? value.entries.length : 0;
  if (times === undefined || size > (every === undefined ? 1 : 2)) {
    throw new StateError(
      value.place,
      'Cannot read "retry": a map of "times" and "every" should be here, as {times: 3, every: 10s}',
    );
  }
  return {
    times: readCount(times.value, "times"),
    everyMs: every === undefined ? 0 : readDuration(every.value, "every"),
  };
}
