import { join, toFileUrl } from "@std/path";
import * as v from "valibot";
import { PiriError } from "../../base/errors.ts";
import type {
  CustomChanged,
  CustomCheck,
} from "../../steps/custom_operation.ts";
import { fingerprintOf } from "../../steps/fingerprint.ts";
import type { SheetModule, SheetOperation } from "../../steps/sheet.ts";
import type {
  Change,
  Changed,
  Check,
  StepOperation,
} from "../../steps/step_operation.ts";
import { Unforeseen } from "../../steps/unforeseen.ts";
import type { OperationContext } from "../operation.ts";
import type { Call, PrintForStep } from "./calls.ts";
import {
  type CallOptions,
  CallsProcess,
  type CallsUser,
} from "./calls_process.ts";
import { type ModuleFolder, scriptPath } from "./module_folder.ts";
import { withTexts } from "./parameter_texts.ts";
import { UserErrors } from "./user_errors.ts";

/** Longest time of a check of a step without a timeout, in milliseconds. A change has the time of its step. */
const MAX_CHECK_MS = 60_000;

const text = v.pipe(v.string(), v.maxLength(65_536));

const checkAnswer = v.strictObject({
  changes: v.pipe(
    v.array(v.strictObject({
      what: v.pipe(text, v.nonEmpty()),
      from: v.optional(text),
      to: v.optional(text),
      lines: v.optional(
        v.strictObject({ added: v.number(), removed: v.number() }),
      ),
      text: v.optional(v.string()),
    })),
    v.maxLength(1_000),
  ),
  unknown: v.optional(text),
  observed: v.optional(v.unknown()),
});

const changeAnswer = v.nullable(v.strictObject({
  changed: v.optional(v.boolean()),
  note: v.optional(text),
}));

/** Means of modules in a run. */
export interface RunningModulesOptions {
  readonly context: OperationContext;
  readonly print: PrintForStep;
  readonly user: CallsUser | undefined;
  readonly folder: ModuleFolder;
  /** Longest time of a check of a step without a timeout, in milliseconds. */
  readonly maxCheckMs?: number;
}

/** Operation of a module without its functions. */
export function describedOperation(
  module: SheetModule,
  { name, description, parameters, subject }: SheetOperation,
): Omit<StepOperation, "check" | "change"> {
  return {
    name: `${module.name}.${name}`,
    description,
    parameters,
    subject,
    runsPrograms: () => true,
  };
}

/** Modules of custom operations in a run. */
export class RunningModules implements AsyncDisposable {
  readonly operations: readonly StepOperation[];
  readonly #options: RunningModulesOptions;
  readonly #errors: UserErrors;
  /** Answer of the last check: a change of the same step is next. What the engine makes of it may have masks in it. */
  #checked: CustomCheck | undefined;
  #process: CallsProcess | undefined;
  #calls = 0;
  /** Step that was checked last: its change is next. */
  #step = 0;

  constructor(
    modules: readonly SheetModule[],
    options: RunningModulesOptions,
  ) {
    this.#options = options;
    this.#errors = new UserErrors(modules, options.folder.path);
    this.operations = modules.flatMap((module) =>
      module.operations.map((operation) => this.#operation(module, operation))
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    await this.#options.folder[Symbol.asyncDispose]();
  }

  #operation(module: SheetModule, operation: SheetOperation): StepOperation {
    const { folder: { path }, maxCheckMs = MAX_CHECK_MS } = this.#options;
    const main = scriptPath(module.files[0]?.path ?? "");
    const shared = {
      url: toFileUrl(join(path, main)).href,
      export: operation.name,
      name: `${module.name}.${operation.name}`,
    };
    const { check, change } = operation.permissions;
    return {
      ...describedOperation(module, operation),
      check: async (params, reader, { step, opaque, timeoutMs }) => {
        // It asks the host itself, as it is now.
        reader.requireNow();
        if (opaque !== undefined) {
          throw new Unforeseen(
            `it can only be asked now, before step "${opaque}"`,
          );
        }
        this.#step = step;
        const asked = {
          ...shared,
          phase: "check",
          permissions: check,
        } as const;
        const { signal } = reader;
        const value = await this.#call(
          { ...asked, params: await withTexts(params, operation, reader) },
          { signal, limitMs: timeoutMs ?? maxCheckMs },
        );
        return this.#checkOf(readAnswer(checkAnswer, value, asked));
      },
      change: async (params, found, writer) => {
        const { changes } = found;
        const asked = {
          ...shared,
          phase: "change",
          permissions: change,
        } as const;
        const given = this.#checked ?? { changes };
        const { signal } = writer;
        const value = await this.#call(
          {
            ...asked,
            params: await withTexts(params, operation, writer),
            check: given,
          },
          { signal, limitMs: undefined },
        );
        return changedOf(readAnswer(changeAnswer, value, asked));
      },
    };
  }

  #checkOf({ changes, unknown, observed }: CheckAnswer): Check {
    this.#checked = { changes, unknown, observed } as unknown as CustomCheck;
    return {
      verdict: unknown !== undefined
        ? "unknown"
        : changes.length === 0
        ? "ok"
        : "change",
      changes: changes as readonly Change[],
      fingerprint: fingerprintOf(observed ?? changes),
      effects: [{ kind: "opaque" }],
      ...unknown === undefined ? {} : { reason: unknown },
    };
  }

  /** @throws {PiriError} FAILED_PRECONDITION with the place in the user's file; as `CallsProcess.call` */
  async #call(
    call: Omit<Call, "id">,
    { signal, limitMs }: Pick<CallOptions, "signal" | "limitMs">,
  ): Promise<unknown> {
    const { context, folder, user } = this.#options;
    if (this.#process?.isOver === true) {
      await this.#process[Symbol.asyncDispose]();
      this.#process = undefined;
    }
    this.#process ??= new CallsProcess({ context, folder: folder.path, user });
    const step = this.#step;
    const print = (stream: "stdout" | "stderr", text: string) =>
      this.#options.print(step, stream, text);
    const answer = await this.#process.call(
      { ...call, id: ++this.#calls },
      { signal, print, limitMs },
    );
    if ("value" in answer) return answer.value;
    const { text, stack } = this.#errors.read(answer.error, call.phase);
    if (stack !== "") await print("stderr", `${stack}\n`);
    throw refused(call, text);
  }
}

type CheckAnswer = v.InferOutput<typeof checkAnswer>;

function readAnswer<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  asked: Pick<Call, "name" | "phase">,
): v.InferOutput<Schema> {
  const { success, issues, output } = v.safeParse(schema, value);
  if (success) return output;
  const [issue] = issues;
  const path = v.getDotPath(issue);
  const what = path === null ? "" : `"${path}": `;
  throw refused(
    asked,
    `its answer is wrong: ${what}${
      issue.message.replace(/^Invalid [\w ]+: /, "")
    }`,
  );
}

function changedOf(answer: v.InferOutput<typeof changeAnswer>): Changed | void {
  const { changed, note }: CustomChanged = (answer ?? {}) as CustomChanged;
  return {
    ...changed === undefined ? {} : { changed },
    ...note === undefined ? {} : { note },
  };
}

function refused(
  { name, phase }: Pick<Call, "name" | "phase">,
  why: string,
): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot finish ${phase} of ${name}: ${why}`,
  );
}
