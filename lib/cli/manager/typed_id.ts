import { PiriError } from "../../base/errors.ts";
import { HintedError } from "../errors.ts";
import { parseId } from "./ids.ts";

/**
 * An id as people type it: of a command (17), of a job (j-17), of an agent of a job (j-17/web-1), of a plan (p-17), or of
 * a job that waits for approvals (a-17).
 */
export type TypedId =
  | WorkId
  | { readonly kind: "plan"; readonly id: bigint }
  | { readonly kind: "approval"; readonly id: bigint };

/** An id of work: of a command, of a job, or of an agent of a job. */
export type WorkId =
  | { readonly kind: "command"; readonly id: bigint }
  | { readonly kind: "job"; readonly id: bigint }
  | { readonly kind: "entry"; readonly id: bigint; readonly agent: string };

/** Kind of what an id is of. */
export type IdKind = TypedId["kind"];

/** Forms of ids. */
const PATTERNS: readonly (readonly [IdKind, RegExp])[] = [
  ["command", /^(\d+)$/],
  ["job", /^j-(\d+)$/],
  ["entry", /^j-(\d+)\/(.+)$/],
  ["plan", /^p-(\d+)$/],
  ["approval", /^a-(\d+)$/],
];

/** Kinds in the words of an error. */
const NAMES: Readonly<Record<IdKind, string>> = {
  command: "a command",
  job: "a job",
  entry: "an agent of a job",
  plan: "a plan",
  approval: "a job that waits for approvals",
};

/** Examples of ids in the words of an error. */
const FORMS: Readonly<Record<IdKind, string>> = {
  command: "that of a command is as 17",
  job: "that of a job is as j-17",
  entry: "that of an agent of a job is as j-17/web-1",
  plan: "that of a plan is as p-17",
  approval: "that of an approval is as a-7",
};

/** Finds out what an id is of, by its form; undefined for a text that has the form of none. */
export function idKind(text: string): IdKind | undefined {
  return PATTERNS.find(([, pattern]) => pattern.test(text))?.[0];
}

/**
 * Reads an id of any kind; undefined for a text that has the form of none.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a number that no id has
 */
export function typedId(text: string): TypedId | undefined {
  for (const [kind, pattern] of PATTERNS) {
    const [, number, agent = ""] = pattern.exec(text) ?? [];
    if (number === undefined) continue;
    const id = parseId(number);
    return kind === "entry" ? { kind, id, agent } : { kind, id };
  }
  return undefined;
}

/**
 * Reads the id of one kind. A number alone is one, too, where only this kind can be meant.
 *
 * @param hint Way on for an id of another kind; the command that shows it by default.
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseIdOf(
  kind: Exclude<IdKind, "entry">,
  text: string,
  hint: (typed: TypedId) => string | undefined = () => undefined,
): bigint {
  const typed = typedId(text);
  if (typed === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the id "${text}": ${FORMS[kind]}`,
    );
  }
  if (typed.kind === kind || typed.kind === "command") return typed.id;
  throw wrongKind(text, typed, hint(typed));
}

/** Error for an id of a kind that cannot be meant: tells what it is, and which command shows it. */
export function wrongKind(
  text: string,
  typed: TypedId,
  hint = showLine(text, typed),
): HintedError {
  return new HintedError(
    "INVALID_ARGUMENT",
    `Cannot take "${text}" here: it is ${NAMES[typed.kind]}`,
    hint,
  );
}

function showLine(text: string, { kind, id }: TypedId): string {
  switch (kind) {
    case "command":
      return `piri-manager show ${text}`;
    case "job":
      return `piri-manager job show ${text}`;
    case "entry":
      return `piri-manager show ${text}, or piri-manager job show j-${id}`;
    case "plan":
      return `piri-manager plan show ${text}, or piri-manager apply ${text}`;
    case "approval":
      return `piri-manager approval show ${text}, or piri-manager approval withdraw ${text}`;
  }
}
