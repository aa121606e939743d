import { didYouMean } from "../../base/nearest.ts";
import type { SheetModule, SheetStep } from "../../steps/sheet.ts";
import type { StepDescription } from "../../steps/step_operation.ts";
import type { Blobs } from "../blobs.ts";
import type { StepItem } from "../item.ts";
import { formatPlace } from "../place.ts";
import { type Problems, StateError } from "../problems.ts";
import type { StateOwner } from "../state_files.ts";
import { entryOf } from "../tree.ts";
import {
  type CustomModule,
  type CustomModules,
  describe,
  filesOf,
} from "./custom_modules.ts";
import { customName } from "./module_names.ts";

/** Modules of custom operations that a compilation uses. */
export class CustomModuleUse {
  readonly #modules: CustomModules;
  readonly #owner: StateOwner;
  readonly #problems: Problems;
  readonly #found = new Map<string, Promise<CustomModule | undefined>>();
  readonly #used = new Map<string, CustomModule>();

  constructor(
    modules: CustomModules,
    { owner, problems }: {
      readonly owner: StateOwner;
      readonly problems: Problems;
    },
  ) {
    this.#modules = modules;
    this.#owner = owner;
    this.#problems = problems;
  }

  /**
   * Custom operation of a step; undefined if no module has the name that is in front of the dot.
   *
   * @throws {StateError} if the module has mistakes, which are added, or has no such operation
   */
  async operationOf({ body }: StepItem): Promise<StepDescription | undefined> {
    const type = entryOf(body, "type")?.value;
    const name = type?.kind === "scalar" ? customName(type.text) : undefined;
    if (type === undefined || name === undefined) return undefined;
    const module = await this.#find(name.module);
    if (module === undefined) return undefined;
    const { path, operations, problems, others } = module;
    const [first] = problems;
    if (first !== undefined) {
      await this.#problems.within(
        `${name.module}.${name.class} (${formatPlace(type.place)})`,
        () => {
          for (const { place, message } of problems) {
            this.#problems.add(place, message);
          }
          return Promise.resolve();
        },
      );
      // It is there already and does not count twice.
      throw new StateError(first.place, first.message);
    }
    const operation = operations.find((each) => each.name === name.class);
    if (operation !== undefined) {
      this.#used.set(name.module, module);
      return describe(name.module, operation);
    }
    const names = operations.map((each) => each.name);
    throw new StateError(
      type.place,
      `Cannot find the operation "${name.class}" in "${path}": ${
        others.includes(name.class)
          ? "what it exports under this name is no object with description, parameters, check and change"
          : didYouMean(
            name.class,
            names,
            names.length === 0
              ? "it exports no operations"
              : `it has ${names.join(", ")}`,
          )
      }`,
    );
  }

  /** Part of a sheet with the modules that steps use. Their files become blobs. */
  partOf(
    steps: readonly SheetStep[],
    blobs: Blobs,
  ): { readonly modules?: readonly SheetModule[] } {
    const names = new Set(steps.map(({ operation }) => operation));
    const modules = [...this.#used.values()]
      .map((module): SheetModule => ({
        name: module.name,
        files: filesOf(module, blobs),
        operations: module.operations
          .filter(({ name }) => names.has(`${module.name}.${name}`)),
      }))
      .filter(({ operations }) => operations.length > 0)
      .toSorted((one, other) => one.name < other.name ? -1 : 1);
    return modules.length === 0 ? {} : { modules };
  }

  #find(name: string): Promise<CustomModule | undefined> {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const found = this.#modules.find(name, this.#owner);
    this.#found.set(name, found);
    return found;
  }
}
