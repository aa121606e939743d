import * as v from "valibot";
import { concat } from "@std/bytes/concat";
import { type BlobName, SHA256_PATTERN } from "../base/blob.ts";
import { systemClock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { PLAN_NAME_PATTERN } from "../base/plan_name.ts";
import type { RunEnd } from "../steps/engine/engine.ts";
import type { Expected, ExpectedSteps } from "../steps/engine/expected.ts";
import { prepare } from "../steps/engine/prepare.ts";
import { RecordLimit, type RunRecord } from "../steps/engine/records.ts";
import { blobsOfStep } from "../steps/named_blobs.ts";
import {
  checkSheet,
  MAX_SHEET_BYTES,
  parseSheet,
} from "../steps/parse_sheet.ts";
import { stepOperations } from "../steps/registry.ts";
import { meansStep } from "../steps/step_words.ts";
import { secretsOfSteps } from "../steps/secrets/secret_values.ts";
import type { Sheet } from "../steps/sheet.ts";
import { customOperationsOf } from "./custom/custom_steps.ts";
import { blobPieces } from "./blob_reader.ts";
import { flag } from "./file_params.ts";
import { KnownSheets } from "./known_sheets.ts";
import { movedFacts } from "./moved_facts.ts";
import type { OperationContext, Outcome, UsedPath } from "./operation.ts";
import { patiently } from "./patiently.ts";

const sha256 = v.pipe(
  v.string(),
  v.regex(SHA256_PATTERN, "Expected a SHA-256 in 64 hex digits, or JSON"),
);

/** Parameters of every run of a state. */
export const STATE_PARAMETERS = {
  sheet: v.optional(v.pipe(
    v.union(
      [sha256, v.looseObject({ format: v.literal(1) })],
      "Expected a sheet in JSON, or the SHA-256 of one in 64 hex digits",
    ),
    v.description("The compiled state: JSON, or the SHA-256 of a blob with it"),
  )),
  plan: v.optional(v.pipe(
    v.string(),
    v.regex(PLAN_NAME_PATTERN, "Expected the name of a plan, as p-17"),
    v.description(
      "Instead of a sheet: the plan of the Manager that has one for this agent",
    ),
  )),
  state: v.optional(v.pipe(
    v.string(),
    v.description("Name of the state that the sheet must be of"),
  )),
  only: v.optional(v.pipe(
    v.array(v.string()),
    v.description(
      "Names, ends of names, tags or patterns of the steps to run, with what they require; all if absent",
    ),
  )),
};

/** Parameter of a run that takes no risks. */
export const STRICT_PARAMETER = v.optional(
  flag("Whether what no plan can foresee is refused; false by default"),
);

/** Parameters of an apply of a plan. */
export const EXPECT_PARAMETER = v.optional(v.pipe(
  v.union(
    [
      sha256,
      v.array(v.looseObject({ name: v.string(), verdict: v.string() })),
    ],
    "Expected findings in JSON, or the SHA-256 of a blob with them",
  ),
  v.description(
    "Findings of a plan, one for each step: nothing is done if one differs now",
  ),
));

const stateParameters = v.strictObject(STATE_PARAMETERS);
type Params = v.InferOutput<typeof stateParameters>;
type Expect = v.InferOutput<typeof EXPECT_PARAMETER>;

const PlanAnswer = v.object({
  sheet: sha256,
  expect: v.optional(sha256),
  facts: v.optional(v.record(v.string(), v.string())),
});

/**
 * Parameters of a run, with what the Manager has for this agent if they name a plan; or the refusal, if facts of this
 * host that the state was compiled with are others now. The Manager refuses a plan that must not be applied any more.
 *
 * @throws {PiriError} INVALID_ARGUMENT; that of the Manager
 */
export async function planned<Run extends Params & { expect?: Expect }>(
  params: Run,
  { data, commandId, signal, surroundings }: OperationContext,
): Promise<{ readonly params: Run } | { readonly refusal: Outcome }> {
  const { plan, sheet, expect } = params;
  if ((plan === undefined) === (sheet === undefined)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot run a state: one of "sheet" and "plan" must be given',
    );
  }
  if (plan === undefined) return { params };
  if (expect !== undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot run a state: "expect" goes with "sheet"; a plan has its own',
    );
  }
  const request = { plan, command: String(commandId) };
  const answer = await patiently(() => data.text("state_sheet", request), {
    what: `the plan ${plan}`,
    signal,
    clock: systemClock,
  });
  const { facts = {}, ...hashes } = v.parse(
    v.pipe(v.string(), v.parseJson(), PlanAnswer),
    answer,
  );
  const refusal = await movedFacts(facts, surroundings);
  return refusal === undefined
    ? { params: { ...params, ...hashes } }
    : { refusal };
}

/** Words that bound a run of a sheet. Those of a plan are for all its agents, and some may mean no step of this one. */
export function onlyOf(
  { plan, only }: Params,
  { steps }: Sheet,
): readonly string[] | undefined {
  if (plan === undefined || only === undefined) return only;
  const meant = only.filter((word) =>
    steps.some((step) => meansStep(word, step))
  );
  return meant.length === 0 ? only : meant;
}

/** Sheet of a run. */
export async function sheetOf(
  { sheet, state }: Params,
  context: OperationContext,
): Promise<Sheet> {
  const read = typeof sheet === "string"
    ? parseSheet(await sheetText(sheet, context))
    : checkSheet(sheet);
  if (state === undefined || state === read.state) return read;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot run the state "${state}": the sheet is of "${read.state}"`,
  );
}

/** Findings that an apply expects. */
export async function expectedOf(
  expect: Expect,
  context: OperationContext,
): Promise<ExpectedSteps | undefined> {
  if (expect === undefined) return undefined;
  const findings = typeof expect === "string"
    ? findingsIn(new TextDecoder().decode(await bytesOf(expect, context)))
    : expect;
  return new Map(
    (findings as Expected[]).map((finding) => [finding.name, finding]),
  );
}

function findingsIn(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot read the findings of the plan: they are no list in JSON",
  );
}

/** Text of a sheet. The Manager is asked for it only if this host has not read it before. */
async function sheetText(
  sha256: string,
  context: OperationContext,
): Promise<string> {
  const { stepsFolder } = context.surroundings;
  const known = stepsFolder === undefined
    ? undefined
    : new KnownSheets(stepsFolder);
  const kept = await known?.find(sha256);
  if (kept !== undefined) return new TextDecoder().decode(kept);
  const bytes = await bytesOf(sha256, context);
  await known?.keep(sha256, bytes);
  return new TextDecoder().decode(bytes);
}

async function bytesOf(
  sha256: string,
  context: OperationContext,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of blobPieces(sha256, context)) {
    pieces.push(piece);
    size += piece.length;
    if (size <= MAX_SHEET_BYTES) continue;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the sheet: it is over the limit of ${MAX_SHEET_BYTES} bytes`,
    );
  }
  return concat(pieces);
}

/** Blobs that the parameters name. */
export function blobsOfRun(
  { sheet }: Params,
  expect?: Expect,
): readonly BlobName[] {
  const names = [sheet, expect].filter((each) => typeof each === "string")
    .map((sha256) => ({ sha256, isTree: false }));
  if (typeof sheet === "string") return names;
  const { steps, modules = [] } = checkSheet(sheet);
  const inside = steps.flatMap(({ operation, params }) =>
    blobsOfStep(stepOperations.find(({ name }) => name === operation), params)
  );
  const files = modules.flatMap(({ files }) => files)
    .map(({ sha256 }) => ({ sha256, isTree: false }));
  return [...names, ...inside, ...files];
}

/** Names of the secrets that the steps of a sheet name. Those of one that is a blob are known where it is. */
export function secretsOfRun({ sheet }: Params): readonly string[] {
  if (sheet === undefined || typeof sheet === "string") return [];
  return [...secretsOfSteps(checkSheet(sheet).steps).keys()];
}

/** Paths that the steps of a sheet use. Those of one that is a blob are judged when they are used. */
export function pathsOfRun({ sheet }: Params): readonly UsedPath[] {
  if (sheet === undefined || typeof sheet === "string") return [];
  const read = checkSheet(sheet);
  const operations = [...customOperationsOf(read.modules), ...stepOperations];
  const { steps } = prepare(read, operations);
  return steps.flatMap(({ operation, params }) => [
    ...(operation.touches?.(params) ?? [])
      .map((path) => ({ use: "write", path }) as const),
    ...(operation.reads?.(params) ?? [])
      .map((path) => ({ use: "read", path }) as const),
  ]);
}

/** Paths of a plan, which only looks. */
export function pathsOfPlan(params: Params): readonly UsedPath[] {
  return pathsOfRun(params).map(({ path }) => ({ use: "read", path }));
}

/** Printer of records as lines of JSON, within their limit. */
export function recordLines(sheet: Sheet): (record: RunRecord) => string {
  const limit = new RecordLimit(sheet.steps.length);
  return (record) => limit.lineOf(record) ?? "";
}

/** Outcome of a run of a state. */
export function outcomeOf(
  { success, changed, message, counts, failed, owed, moved }: RunEnd,
): Outcome {
  return {
    success,
    changed,
    message,
    data: {
      ...counts,
      ...failed === undefined ? {} : { failedStep: failed },
      owed: owed.map(({ listener, cause, since }) => ({
        listener,
        cause,
        since,
      })),
      moved,
    },
  };
}
