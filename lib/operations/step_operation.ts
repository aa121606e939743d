import * as v from "valibot";
import { apply, plan, type RunEnd } from "../steps/engine/engine.ts";
import {
  changeText,
  type RunRecord,
  type StepRecord,
} from "../steps/engine/records.ts";
import { PiriError } from "../base/errors.ts";
import { checkStepParams } from "../steps/check_parameters.ts";
import { blobsOfStep } from "../steps/named_blobs.ts";
import { readParameterText } from "../steps/parameter_text.ts";
import type { ParameterShape } from "../steps/parameters.ts";
import type { Sheet, SheetValue } from "../steps/sheet.ts";
import type { StepOperation } from "../steps/step_operation.ts";
import { flag } from "./file_params.ts";
import type { Operation, Outcome, UsedPath } from "./operation.ts";
import { runSteps } from "./step_run.ts";

/** Longest time to look, in milliseconds: the timeout of the command comes first. */
const LOOK_MS = 86_400_000;

type Given = Readonly<Record<string, unknown>> & { readonly plan?: boolean };

/** Operation of steps as one of the agent: a run of one step. */
export function asOperation(step: StepOperation): Operation {
  const parameters = v.strictObject({
    ...Object.fromEntries(
      Object.entries(step.parameters)
        // Steps of the same run, which has no others.
        .filter(([, { type }]) => type !== "steps")
        .flatMap(([name, shape]) => entriesOf(name, shape)),
    ),
    plan: v.optional(
      flag("Whether it only tells what it would change; false by default"),
    ),
  });
  const operation: Operation = {
    name: step.name,
    description: step.description,
    parameters,
    acts: step.looks !== true,
    runsPrograms: step.runsPrograms !== undefined,
    blobs: (given) => blobsOfStep(step, given as Given),
    paths: (given) => pathsOf(step, valuesOf(step, given as Given)),
    async *run(given, context) {
      const { plan: looks = false } = given as Given;
      const params = valuesOf(step, given as Given);
      const sheet: Sheet = {
        format: 1,
        state: "",
        steps: [{
          name: step.name,
          operation: step.name,
          params,
          ...looks ? { timeoutMs: LOOK_MS } : {},
        }],
      };
      const subject = String(params[step.subject] ?? "");
      let record: StepRecord | undefined;
      return yield* runSteps({
        judgesOwners: true,
        textOf: (each) => {
          if (each.kind === "step") record = each;
          return textOf(each, { subject, looks });
        },
        work: async (means) => {
          const end = await (looks ? plan : apply)(sheet, means);
          return outcomeOf(end, record, { subject, looks });
        },
      }, context);
    },
  };
  return operation;
}

/** Entries of a parameter: one for each of its names, of which one must be given if it is required. */
function entriesOf(
  name: string,
  shape: ParameterShape,
): readonly (readonly [string, v.GenericSchema])[] {
  const { formerName, required: _, ...rest } = shape;
  if (formerName === undefined) return [[name, schemaOf(shape)]];
  return [
    [name, schemaOf(rest)],
    [formerName, schemaOf({ ...rest, description: `Former name of ${name}` })],
  ];
}

function schemaOf(shape: ParameterShape): v.GenericSchema {
  const { description, standard, required } = shape;
  const words = standard === undefined
    ? description
    : `${description}; ${standard} by default`;
  const schema = v.pipe(typeOf(shape), v.description(words));
  return required ? schema : v.optional(schema);
}

/** Values of a type as JSON, or as the text that `run --op NAME key=value` passes. */
function typeOf({ type, choices }: ParameterShape): v.GenericSchema {
  switch (type) {
    case "switch":
      return v.union([v.boolean(), v.string()]);
    case "mode":
    case "integer":
    case "duration":
      return v.union([v.string(), v.pipe(v.number(), v.integer())]);
    case "texts":
      return v.union([v.string(), v.array(v.string())]);
    case "integers":
      return v.union([v.string(), v.array(v.pipe(v.number(), v.integer()))]);
    case "map":
      return v.record(v.string(), v.string());
    case "any":
      return v.unknown();
    case "content":
    case "file":
    case "folder":
      return v.union([
        v.string(),
        v.looseObject({ $blob: v.looseObject({ sha256: v.string() }) }),
      ]);
    default:
      return choices === undefined ? v.string() : v.picklist(choices);
  }
}

/** Parameters with the types that a step takes, checked. */
function valuesOf(
  step: StepOperation,
  { plan: _, ...given }: Given,
): Readonly<Record<string, SheetValue>> {
  const values: Record<string, SheetValue> = {};
  for (const [key, value] of Object.entries(given)) {
    const name = nameOf(step, key);
    if (name !== key && given[name] !== undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot run "${step.name}": "${name}" and "${key}" are given, which are names of the same parameter`,
      );
    }
    const type = step.parameters[name]?.type ?? "any";
    values[name] = typeof value === "string"
      ? readParameterText(type, value)
      : value as SheetValue;
  }
  return checkStepParams(step, values, step.name);
}

/** Name of a parameter that is given by this name or by its former one. */
function nameOf({ parameters }: StepOperation, key: string): string {
  if (Object.hasOwn(parameters, key)) return key;
  const found = Object.entries(parameters)
    .find(([, { formerName }]) => formerName === key);
  return found?.[0] ?? key;
}

function pathsOf(step: StepOperation, params: object): readonly UsedPath[] {
  return [
    ...(step.touches?.(params) ?? [])
      .map((path) => ({ use: "write", path }) as const),
    ...(step.reads?.(params) ?? [])
      .map((path) => ({ use: "read", path }) as const),
  ];
}

/** Text of a record for people. */
function textOf(
  record: RunRecord,
  { subject, looks }: Shown,
): string {
  switch (record.kind) {
    case "step":
      return [
        `${messageOf(record, { subject, looks })}\n`,
        ...record.changes.map(({ text = "" }) => text),
      ].join("");
    case "output":
      return record.text;
    case "note":
      return `${record.text}\n`;
    default:
      return "";
  }
}

/** Subject of a step, and true if it was only looked at. */
interface Shown {
  readonly subject: string;
  readonly looks: boolean;
}

function messageOf(
  { verdict, changed, changes, reason, error }: StepRecord,
  { subject, looks }: Shown,
): string {
  // A name may have line breaks and worse in it.
  const shown = /^[^\s\p{C}"]+$/u.test(subject)
    ? subject
    : JSON.stringify(subject);
  if (error !== undefined) return error.message;
  if (verdict === "ok") return reason ?? `unchanged: ${shown}`;
  if (verdict === "unknown") return `cannot be told yet: ${reason ?? ""}`;
  if (!looks && changed !== true) return `unchanged: ${shown}`;
  const lines = changes.map(changeText).join(", ");
  return `${looks ? "would change" : "changed"} ${shown}: ${lines}`;
}

function outcomeOf(
  { success, changed, message }: RunEnd,
  record: StepRecord | undefined,
  shown: Shown,
): Outcome {
  const { verdict, changes = [], fingerprint, reason } = record ?? {};
  return {
    success,
    changed,
    message: record === undefined ? message : messageOf(record, shown),
    data: { verdict, changes, fingerprint, reason },
  };
}
