import { dirname, join } from "@std/path";
import type { SheetOperation, TreeFile } from "../../steps/sheet.ts";
import {
  MAX_MODULE_BYTES,
  MAX_MODULES,
  MODULE_NAME,
  MODULE_PATH,
} from "../../steps/sheet_modules.ts";
import type { StepDescription } from "../../steps/step_operation.ts";
import type { Blobs } from "../blobs.ts";
import type { Problem } from "../problems.ts";
import type { StateOwner } from "../state_files.ts";
import type { StateFile, StateReader } from "../state_reader.ts";
import { isOwnModule } from "./module_names.ts";
import type { TextProblem } from "./strip_types.ts";

/** Module of custom operations, with all files that it imports. */
export interface CustomModule {
  readonly name: string;
  /** Path of its file, below the Manager's folder. */
  readonly path: string;
  /** Code of its files by their paths, the module itself first. */
  readonly files: ReadonlyMap<string, string>;
  readonly operations: readonly SheetOperation[];
  readonly problems: readonly Problem[];
  /** Names that it exports and that are no operations. */
  readonly others: readonly string[];
}

/** File of a module, read. */
interface ModuleFile {
  readonly stamp: string;
  readonly lines: readonly string[];
  readonly code: string;
  readonly imports: readonly {
    readonly path: string;
    readonly line: number;
    readonly column: number;
  }[];
  readonly operations: readonly SheetOperation[];
  readonly problems: readonly TextProblem[];
  readonly others: readonly string[];
}

/** Modules of custom operations in a Manager's folder. Each file is read once, until it changes. No code is run. */
export class CustomModules {
  readonly #reader: Pick<StateReader, "open" | "operationFiles">;
  readonly #files = new Map<string, ModuleFile>();

  constructor(reader: Pick<StateReader, "open" | "operationFiles">) {
    this.#reader = reader;
  }

  /** Line of a file that was read, as it is in there. */
  lineOf(path: string, line: number): string | undefined {
    return this.#files.get(path)?.lines[line - 1];
  }

  /** Module of an agent by its name, from the strongest layer that has it. */
  async find(
    name: string,
    owner: StateOwner,
  ): Promise<CustomModule | undefined> {
    let found: StateFile | undefined;
    // All are asked for, so that a file which comes later is seen.
    for (const path of layersOf(name, owner)) {
      found = await this.#reader.open(path) ?? found;
    }
    return found === undefined ? undefined : await this.#load(name, found);
  }

  /** All modules of all layers, sorted by their paths. */
  async all(): Promise<readonly CustomModule[]> {
    const modules: CustomModule[] = [];
    for (const path of (await this.#reader.operationFiles()).toSorted()) {
      const name = MODULE_FILE.exec(path)?.[1];
      if (name === undefined) continue;
      const file = await this.#reader.open(path);
      if (file !== undefined) modules.push(await this.#load(name, file));
    }
    return modules;
  }

  async #load(name: string, main: StateFile): Promise<CustomModule> {
    const problems: Problem[] = [];
    const files = new Map<string, string>();
    const { path } = main;
    const complain = (
      { line, column, message }: TextProblem,
      file: string,
    ) => problems.push({ place: { file, line, column }, message, chain: [] });
    if (isOwnModule(name) || !MODULE_NAME.test(name)) {
      complain({
        ...START,
        message: isOwnModule(name)
          ? `Cannot use "${name}" as the name of a module: it is one of Piri's own`
          : `Cannot use "${name}" as the name of a module: it may have letters, digits and underscores`,
      }, path);
    }
    const first = await this.#read(main);
    const open: { file: StateFile; read: ModuleFile }[] = [
      { file: main, read: first },
    ];
    for (const { file, read } of open) {
      if (files.has(file.path)) continue;
      files.set(file.path, read.code);
      for (const problem of read.problems) complain(problem, file.path);
      for (const { path: wanted, ...at } of read.imports) {
        const target = join(dirname(file.path), wanted).replaceAll("\\", "/");
        if (files.has(target)) continue;
        const found = MODULE_PATH.test(target) && files.size < MAX_MODULES
          ? await this.#reader.open(target)
          : undefined;
        if (found === undefined) {
          const message = `Cannot import "${wanted}": ${
            obstacleOf(target, files.size)
          }`;
          complain({ ...at, message }, file.path);
        } else open.push({ file: found, read: await this.#read(found) });
      }
    }
    const flaw = flawOf(files);
    if (flaw !== undefined) complain({ ...START, message: flaw }, path);
    const { operations, others } = first;
    return { name, path, files, operations, problems, others };
  }

  async #read(file: StateFile): Promise<ModuleFile> {
    const { path, stamp } = file;
    const known = this.#files.get(path);
    if (known?.stamp === stamp) return known;
    const text = textOf(await file.load());
    const read = {
      stamp,
      code: "",
      imports: [],
      operations: [],
      problems: [],
      others: [],
      lines: text?.split(/\r?\n/) ?? [],
      ...text === undefined
        ? {
          problems: [
            {
              ...START,
              message: "Cannot read this file: it is no text in UTF-8",
            },
          ],
        }
        : await readModule(text, path),
    };
    this.#files.set(path, read);
    return read;
  }
}

/** Operation of a module as a compilation knows it. */
export function describe(
  module: string,
  { name, description, parameters, subject }: SheetOperation,
): StepDescription {
  return { name: `${module}.${name}`, description, parameters, subject };
}

/** Files of a module as a sheet has them. */
export function filesOf({ files }: CustomModule, blobs: Blobs): TreeFile[] {
  return [...files].map(([path, code]) => {
    const { $blob } = blobs.add(code);
    return { path, ...$blob };
  });
}

async function readModule(
  text: string,
  path: string,
): Promise<Partial<ModuleFile>> {
  // The parser and the stripper are 5 MB of code, which most Managers never need.
  const { loadStripTypes } = await import("./strip_types.ts");
  const { readScript } = await import("./script.ts");
  const { readOperations } = await import("./read_operations.ts");
  const script = readScript(text, {
    isTyped: path.endsWith(".ts"),
    strip: await loadStripTypes(),
  });
  const { code, imports, program, problems } = script;
  const read = program === undefined ? undefined : readOperations(program);
  return {
    code,
    imports,
    operations: read?.operations ?? [],
    others: read?.others ?? [],
    problems: [...problems, ...read?.problems ?? []],
  };
}

const START = { line: 1, column: 1 };

/** Paths of a module for an agent, the weakest layer first. */
function layersOf(name: string, { id, groups }: StateOwner): readonly string[] {
  return [
    `operations/${name}.ts`,
    ...groups.map((group) => `operations/groups/${group}/${name}.ts`),
    `operations/agents/${id}/${name}.ts`,
  ];
}

const MODULE_FILE = /^operations\/(?:(?:groups|agents)\/[^/]+\/)?([^/]+)\.ts$/;

function obstacleOf(target: string, files: number): string {
  if (files >= MAX_MODULES) return `a module has at most ${MAX_MODULES} files`;
  if (!target.startsWith("operations/")) {
    return "a custom operation imports files below operations/ alone";
  }
  return `there is no file "${target}" that can be imported`;
}

function flawOf(files: ReadonlyMap<string, string>): string | undefined {
  const size = [...files.values()].reduce(
    (sum, code) => sum + new TextEncoder().encode(code).length,
    0,
  );
  if (size > MAX_MODULE_BYTES) {
    return `Cannot use this module: its files of ${size} bytes are over the limit of ${MAX_MODULE_BYTES}`;
  }
  const names = [...files.keys()].map((path) => path.replace(/\.ts$/, ".js"));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined
    ? undefined
    : `Cannot use this module: it imports a file in TypeScript and one in JavaScript that become the same "${twice}"`;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
