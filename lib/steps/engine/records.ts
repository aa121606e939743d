import type { Change, Check, Verdict } from "../step_operation.ts";

/** Most bytes of all records of a run. */
export const MAX_RECORDS_BYTES = 8 * 1_048_576;
/** Most bytes of a step's texts, and of the output of its programs. */
const MAX_STEP_TEXT_BYTES = 65_536;
/** Most bytes of all texts, and of all output. Records of steps have the rest. */
const MAX_TEXT_BYTES = 3 * 1_048_576;
const MAX_OUTPUT_BYTES = 1_048_576;
/** Most bytes of a record of a step without its texts, if it has many changes. */
const MAX_STEP_BYTES = 16_384;
/** Longest sentence of a record, in characters. */
const MAX_SENTENCE = 2_000;
/** Room that each step to come is left, in bytes. */
const STEP_BYTES = 300;

/** Finding about a step or its end. */
export interface StepRecord {
  readonly kind: "step";
  /** Place of the step, from 0. */
  readonly step: number;
  readonly name: string;
  readonly operation: string;
  readonly verdict: Verdict | "failed" | "skipped";
  /** True if it changed the host; only of an apply. */
  readonly changed?: boolean;
  readonly changes: readonly Change[];
  readonly fingerprint?: string;
  readonly pins?: Check["pins"] | undefined;
  readonly reason?: string;
  readonly error?: { readonly code: string; readonly message: string };
  /** Reactions that were owed to it: the time of the first change, in milliseconds since 1970, and the steps that changed. */
  readonly owed?: {
    readonly since: number;
    readonly causes: readonly string[];
  };
  readonly ms?: number;
  /** Count of changes that were left out. */
  readonly moreChanges?: number;
  /** True if texts were left out. */
  readonly cut?: true;
}

/** Counts of a run. */
export interface RunCounts {
  /** Count of steps with nothing to do; in an apply also of those that acted and changed nothing. */
  readonly ok: number;
  /** Count of steps that have changed something; in a plan of those that would act. */
  readonly changed: number;
  readonly unknown: number;
  readonly failed: number;
  readonly skipped: number;
  readonly notRun: number;
}

/** Line of the records of a run. */
export type RunRecord =
  | {
    readonly kind: "run";
    readonly format: 1;
    readonly mode: "plan" | "apply";
    readonly state: string;
    readonly steps: number;
  }
  /** A step begins to change the host. */
  | { readonly kind: "begin"; readonly step: number; readonly name: string }
  | StepRecord
  | {
    readonly kind: "output";
    readonly step: number;
    readonly stream: "stdout" | "stderr";
    readonly text: string;
    readonly cut?: true;
  }
  | { readonly kind: "note"; readonly step?: number; readonly text: string }
  /** A step is not as it was planned. */
  | {
    readonly kind: "moved";
    readonly step: number;
    readonly name: string;
    readonly planned: Finding;
    readonly found: Finding;
  }
  | ({
    readonly kind: "end";
    readonly success: boolean;
    readonly message: string;
  } & RunCounts);

/** Line of a step with nothing to do, of which most runs have many: a third of a whole record. */
interface OkLine {
  readonly ok: string;
  readonly step: number;
  readonly fingerprint?: string;
}

/** Fields of a record that says no more than an `OkLine`. */
const OK_FIELDS: ReadonlySet<string> = new Set(
  [
    "kind",
    "step",
    "name",
    "operation",
    "verdict",
    "changes",
    "fingerprint",
  ] satisfies (keyof StepRecord)[],
);

/**
 * Reads a line of records. The operation of a step with nothing to do is not in it.
 *
 * @throws {SyntaxError} for other text
 */
export function recordOfLine(line: string): RunRecord {
  const value = JSON.parse(line) as RunRecord | OkLine;
  if (!("ok" in value) || "kind" in value) return value as RunRecord;
  const { ok: name, step, fingerprint } = value;
  return {
    kind: "step",
    step,
    name,
    operation: "",
    verdict: "ok",
    changes: [],
    ...fingerprint === undefined ? {} : { fingerprint },
  };
}

function shortest(record: RunRecord): RunRecord | OkLine {
  const isPlain = record.kind === "step" && record.verdict === "ok" &&
    record.changes.length === 0 &&
    Object.keys(record).every((key) => OK_FIELDS.has(key));
  if (!isPlain) return record;
  const { name: ok, step, fingerprint } = record;
  return { ok, step, ...fingerprint === undefined ? {} : { fingerprint } };
}

/** Finding as it is compared with that of a plan. */
export interface Finding {
  readonly verdict: StepRecord["verdict"];
  readonly fingerprint?: string;
  readonly changes?: readonly Change[];
}

/** Keeps the records of a run within their limit: texts and output are cut, so that there is room for all steps. */
export class RecordLimit {
  readonly #steps: number;
  #used = 0;
  #texts = 0;
  #output = 0;
  #passed = 0;
  #printing: { readonly step: number; bytes: number } | undefined;

  constructor(steps: number) {
    this.#steps = steps;
  }

  /** Record as a line; undefined if it is left out. */
  lineOf(record: RunRecord): string | undefined {
    switch (record.kind) {
      case "step":
        this.#passed++;
        return this.#take(this.#cutStep(record));
      case "output":
        return this.#outputLine(record);
      case "note":
        return this.#hasRoom(record.text.length)
          ? this.#take(record)
          : undefined;
      default:
        return this.#take(record);
    }
  }

  #take(record: RunRecord): string {
    const line = `${JSON.stringify(shortest(record))}\n`;
    this.#used += bytesOf(line);
    return line;
  }

  #hasRoom(bytes: number): boolean {
    const reserved = (this.#steps - this.#passed + 1) * STEP_BYTES;
    return this.#used + reserved + bytes <= MAX_RECORDS_BYTES;
  }

  #cutStep(whole: StepRecord): StepRecord {
    const record = withShortWords(whole);
    if (record.changes.length === 0) return record;
    const withoutTexts = cutChanges({
      ...record,
      changes: record.changes.map(({ text: _, ...change }) => change),
    }, this.#hasRoom(MAX_STEP_BYTES) ? MAX_STEP_BYTES : STEP_BYTES);
    if (record.changes.every(({ text }) => text === undefined)) {
      return withoutTexts;
    }
    const size = bytesOf(JSON.stringify(record));
    const fits = size <= MAX_STEP_TEXT_BYTES + MAX_STEP_BYTES &&
      this.#texts + size <= MAX_TEXT_BYTES && this.#hasRoom(size);
    if (!fits) return { ...withoutTexts, cut: true };
    this.#texts += size;
    return record;
  }

  #outputLine(
    record: Extract<RunRecord, { kind: "output" }>,
  ): string | undefined {
    const { step } = record;
    if (this.#printing?.step !== step) this.#printing = { step, bytes: 0 };
    const printing = this.#printing;
    const left = Math.min(
      MAX_STEP_TEXT_BYTES - printing.bytes,
      MAX_OUTPUT_BYTES - this.#output,
    );
    if (left <= 0) return undefined;
    const size = bytesOf(JSON.stringify(record.text));
    const fits = size <= left && this.#hasRoom(size);
    printing.bytes += size;
    this.#output += size;
    if (fits) return this.#take(record);
    // A character takes up to six bytes in JSON.
    const text = record.text.slice(0, Math.floor(left / 6)).toWellFormed();
    return this.#take({ ...record, text, cut: true });
  }
}

/** Cuts the sentences of a record. */
function withShortWords(record: StepRecord): StepRecord {
  const { reason = "", error } = record;
  const short = (text: string) =>
    `${text.slice(0, MAX_SENTENCE).toWellFormed()}…`;
  return {
    ...record,
    ...reason.length > MAX_SENTENCE ? { reason: short(reason) } : {},
    ...error !== undefined && error.message.length > MAX_SENTENCE
      ? { error: { ...error, message: short(error.message) } }
      : {},
  };
}

/** Leaves out changes that would make a record too long. */
function cutChanges(record: StepRecord, max: number): StepRecord {
  if (bytesOf(JSON.stringify(record)) <= max) return record;
  let size = 0;
  const changes = record.changes.filter((change) => {
    size += bytesOf(JSON.stringify(change));
    return size <= max;
  });
  const moreChanges = record.changes.length - changes.length;
  return { ...record, changes, ...moreChanges === 0 ? {} : { moreChanges } };
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Change in a line for people, as: content +3 -1, mode 0600 -> 0644. */
export function changeText({ what, from, to, lines }: Change): string {
  if (lines !== undefined) return `${what} +${lines.added} -${lines.removed}`;
  if (from === undefined) return to === undefined ? what : `${what} ${to}`;
  return `${what} ${from} -> ${to ?? "(absent)"}`;
}

/** Finding in words, as: change (mode 0600 -> 0644). */
export function findingText({ verdict, changes = [] }: Finding): string {
  if (changes.length === 0) return verdict;
  const [first, ...others] = changes;
  const more = others.length === 0 ? "" : `, with ${others.length} more`;
  return `${verdict} (${first === undefined ? "" : changeText(first)}${more})`;
}
