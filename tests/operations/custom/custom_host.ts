import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../../lib/base/errors.ts";
import { Sealed } from "../../../lib/base/sealed.ts";
import { sha256 } from "../../../lib/base/sha256.ts";
import type {
  Operation,
  OperationContext,
  Outcome,
} from "../../../lib/operations/operation.ts";
import { stateApply } from "../../../lib/operations/state_apply.ts";
import { statePlan } from "../../../lib/operations/state_plan.ts";
import type { Surroundings } from "../../../lib/operations/surroundings.ts";
import {
  recordOfLine,
  type RunRecord,
} from "../../../lib/steps/engine/records.ts";
import type { Sheet } from "../../../lib/steps/sheet.ts";
import { anAgent, compilerOf } from "../../states/memory_folder.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { finish, newContext, textOf } from "../support.ts";

/** Tests here start processes of POSIX systems, on which alone an agent runs steps. */
export const ignore = Deno.build.os === "windows";

/** Run of a state with all that it told. */
export interface CustomRun {
  readonly outcome: Outcome;
  readonly records: readonly RunRecord[];
  /** Errors of the steps by their names. */
  readonly errors: Readonly<Record<string, string>>;
  /** Verdicts of the steps. */
  readonly verdicts: readonly string[];
  /** Text that steps printed. */
  readonly printed: string;
}

/** Choices for a run. */
export interface CustomRunOptions {
  readonly mode?: "plan" | "apply";
  readonly surroundings?: Partial<Surroundings>;
  readonly changes?: Partial<OperationContext>;
  /** Called with the context before the run begins. */
  readonly onStart?: (control: { stop(): void }) => void;
  /** Called with each record as it comes. */
  readonly onRecord?: (record: RunRecord, control: { stop(): void }) => void;
  /** Other files of the Manager, by their paths. */
  readonly files?: Readonly<Record<string, string>>;
  /** Secrets by their names. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Changes the sheet on its way. */
  readonly tamper?: (sheet: Sheet) => Sheet;
  /** Changes the bytes of files on their way. */
  readonly forge?: (bytes: Uint8Array) => Uint8Array;
}

/** Host that runs states with custom operations. */
export interface CustomHost extends AsyncDisposable {
  readonly folder: TempFolder;
  /** Requests of files so far. */
  readonly asked: readonly string[];
  /** Runs a state: steps as YAML, and modules by their names. */
  run(
    steps: string,
    modules: Readonly<Record<string, string>>,
    options?: CustomRunOptions,
  ): Promise<CustomRun>;
}

/** Makes a host with a folder of its own. */
export async function customHost(): Promise<CustomHost> {
  const folder = await TempFolder.make();
  const asked: string[] = [];
  return {
    folder,
    asked,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    run: async (steps, modules, options = {}) => {
      const { mode = "apply", surroundings, changes, onRecord } = options;
      const { sheet, blobs } = await compiled(steps, modules, options);
      const context = newContext({
        text: () => Promise.reject(new PiriError("NOT_FOUND", "no data")),
        bytes: (_, params) => {
          const { sha256, offset, length } = params as {
            sha256: string;
            offset: number;
            length: number;
          };
          asked.push(sha256);
          const bytes = blobs.get(sha256) ?? new Uint8Array();
          const { forge = (each) => each } = options;
          return Promise.resolve(forge(bytes).slice(offset, offset + length));
        },
      }, {
        stepsFolder: folder.at("steps"),
        modulesFolder: folder.at("modules"),
        ...surroundings,
      });
      const control = {
        stop: () => {
          context.stopNow();
          context.killNow();
        },
      };
      options.onStart?.(control);
      const operation: Operation = mode === "plan" ? statePlan : stateApply;
      const { tamper = (each) => each } = options;
      const records: RunRecord[] = [];
      const { outcome } = await finish(
        operation.run({ sheet: tamper(sheet) }, {
          ...context,
          secret: (name) =>
            Promise.resolve(new Sealed(options.secrets?.[name] ?? "")),
          ...changes,
        }),
        (text) => {
          for (const line of text.split("\n").filter((each) => each !== "")) {
            const record = recordOfLine(line);
            records.push(record);
            onRecord?.(record, control);
          }
        },
      );
      const ended = records.filter((record) => record.kind === "step");
      return {
        outcome,
        records,
        errors: Object.fromEntries(
          ended.flatMap(({ name, error }) =>
            error === undefined ? [] : [[name, error.message]]
          ),
        ),
        verdicts: ended.map(({ verdict }) => verdict),
        printed: records.map((record) =>
          record.kind === "output" ? record.text : ""
        ).join(""),
      };
    },
  };
}

/** Compiles a state of one file and its modules. Fails if there are errors. */
export async function compiled(
  steps: string,
  modules: Readonly<Record<string, string>>,
  { files = {}, secrets = {} }: Pick<CustomRunOptions, "files" | "secrets"> =
    {},
): Promise<{ sheet: Sheet; blobs: ReadonlyMap<string, Uint8Array> }> {
  const compiler = compilerOf({
    "states/all.yaml": steps,
    ...files,
    ...Object.fromEntries(
      Object.entries(modules)
        .map(([name, text]) => [`operations/${name}.ts`, text]),
    ),
  });
  const macs = new Map(Object.keys(secrets).map((name) => [name, "mac"]));
  const { sheet, blobs, problems } = await compiler.compile(
    "",
    anAgent({ secrets: macs }),
  );
  const own = Object.values(files).map((text) => {
    const bytes = new TextEncoder().encode(text);
    return [encodeHex(sha256(bytes)), bytes] as const;
  });
  if (sheet !== undefined) return { sheet, blobs: new Map([...blobs, ...own]) };
  throw new Error(problems.map((each) => compiler.format(each)).join("\n"));
}

/** Source of a module with one operation `Thing` that has a parameter `path`. */
export function moduleWith(
  {
    check = "return { changes: [] };",
    change = "",
    permissions = "{}",
    top = "",
  }: {
    readonly check?: string;
    readonly change?: string;
    readonly permissions?: string;
    readonly top?: string;
  },
): string {
  return `import type { CustomOperation } from "@piri/piri";
${top}
export const Thing: CustomOperation<{ path: string }> = {
  description: "Does something with a file",
  parameters: { path: { type: "path", required: true, description: "The file" } },
  permissions: ${permissions},
  async check({ path }) {
    ${check}
  },
  async change({ path }, check) {
    ${change}
  },
};
`;
}

export { textOf };
