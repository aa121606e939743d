import type {
  FileContent,
  HostReader,
  HostWriter,
  PathFacts,
  Thing,
  ThingFacts,
} from "./host/host.ts";
import type { KnownParamsOf, ParameterShapes, ParamsOf } from "./parameters.ts";
import type { SheetValue } from "./sheet.ts";

/** Operation of steps as the compiler and the docs know it: all but how it looks and acts. */
export interface StepDescription<Known = StepParams> {
  /** Name as module.Name. */
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  readonly parameters: ParameterShapes;
  /** Groups of parameters of which exactly one must be given, such as content, source and template. */
  readonly oneOf?: readonly (readonly string[])[];
  /** Parameter that names the subject, which gives a step without a name its name. */
  readonly subject: string;
  /**
   * Refuses values that no host takes, alone or together. It looks at nothing but the values: the compiler calls it for
   * each step, and each host before a check. Texts with secrets in them are absent for the compiler, so that their
   * absence must not be refused.
   *
   * @throws {WrongValue}
   */
  validate?(params: Known): void;
}

/** Verdict of a check: nothing to do, something to do, or it cannot be told yet. */
export type Verdict = "ok" | "change" | "unknown";

/** Part of the host that differs from what a step wants. */
export interface Change {
  /** Changed thing in a word or two, as content, mode, owner. */
  readonly what: string;
  readonly from?: string;
  readonly to?: string;
  /** Lines that are added and removed, of a text. */
  readonly lines?: { readonly added: number; readonly removed: number };
  /** Difference of two texts, as a patch. */
  readonly text?: string;
}

/** Effect that a change will have, for the checks of later steps. */
export type Effect =
  | {
    readonly kind: "path";
    readonly path: string;
    /** Undefined if nothing will be there. */
    readonly facts: PathFacts | undefined;
    readonly content?: FileContent;
  }
  /** A user, a package or the like will be so. */
  | {
    readonly kind: "thing";
    readonly thing: Thing;
    /** Undefined if it will be gone. */
    readonly facts: ThingFacts | undefined;
  }
  /** Anything may be at a path and below it, as where something else is mounted. */
  | { readonly kind: "covered"; readonly path: string }
  /** Anything may have changed: what is missing now may be there then. */
  | { readonly kind: "opaque" };

/** Result of looking at what a step is about. */
export interface Check {
  readonly verdict: Verdict;
  readonly changes: readonly Change[];
  /** Hash of what was observed, without what moves by itself. See `fingerprintOf`. */
  readonly fingerprint: string;
  /** Choices that the change must use, whatever has become newest: a version, a commit. */
  readonly pins?: Readonly<Record<string, SheetValue>>;
  /** Effects of the change; with `counts: false` also those that it would have if the verdict is ok. */
  readonly effects?: readonly Effect[];
  /** Reason of a verdict that is not plain from the changes. */
  readonly reason?: string;
  /** False if a change by this step never counts as one, whatever the verdict is now; "unknown" if only the change can tell. Counted by default. */
  readonly counts?: false | "unknown";
  /**
   * Meaning of a check after the change that is not ok: "fails" by default; "warns"; or none is made, since the next check
   * will ask for a change again.
   */
  readonly after?: "fails" | "warns" | "none";
}

/** Result of a change. */
export interface Changed {
  /** False if nothing was changed after all. */
  readonly changed?: boolean;
  readonly note?: string;
}

/** Step with what its check found. */
export interface CheckedStep<Params> {
  readonly params: Params;
  readonly check: Check;
}

/** Means of changing several steps at once, that stand beside one another. */
export interface Join<Params = StepParams> {
  /** Key of the steps that can be done together; undefined for one that is done alone. */
  keyOf(params: Params): string | undefined;
  /**
   * Does what the checks found. Returns how each step ended.
   *
   * @throws {PiriError} any code: each step is done alone
   */
  change(
    steps: readonly CheckedStep<Params>[],
    writer: HostWriter,
  ): Promise<readonly Changed[]>;
}

/** Knowledge of a check about the other steps. */
export interface Forecast {
  /** Place of the step itself, from 0. */
  readonly step: number;
  /** Longest time of the check in milliseconds, if the step says one. */
  readonly timeoutMs?: number | undefined;
  /** Earlier step that may bring what is missing; undefined if none is ahead. */
  readonly opaque: string | undefined;
  /** True if the step at this place changed, or will, or is owed to this one; "unknown" if that cannot be told. */
  changed(step: number): boolean | "unknown";
  /** Full name of the step at this place. */
  nameOf(step: number): string;
  /** "itself" if a step of this run names the path, "below" if one names something below it. */
  named(path: string): "itself" | "below" | undefined;
}

/** Operation of steps. Its check gets no means of changing anything. */
export interface StepOperation<Params = StepParams, Known = StepParams>
  extends StepDescription<Known> {
  /**
   * Looks.
   *
   * @throws {PiriError} any code: the step fails, now or when it is run
   * @throws {Unforeseen} the verdict is unknown
   */
  check(params: Params, reader: HostReader, forecast: Forecast): Promise<Check>;
  /**
   * Does what the check found.
   *
   * @throws {PiriError} any code: the step fails
   */
  change(
    params: Params,
    check: Check,
    writer: HostWriter,
  ): Promise<Changed | void>;
  readonly join?: Join<Params>;
  /** True if it changes nothing, and starts and asks nobody else than by programs that only look. */
  readonly looks?: true;
  /** Parameters whose blob is a list of files, which are blobs too. */
  readonly trees?: readonly string[];
  /** Lines that it writes around those of its parameters. */
  frame?(params: Params): readonly string[];
  /** Paths that it writes. */
  touches?(params: Params): readonly string[];
  /** Things that are no paths, which it changes. */
  things?(params: Params): readonly Thing[];
  /** Paths of the host that it reads and others might not be allowed to, as a file to copy. */
  reads?(params: Params): readonly string[];
  /** True if it runs programs that its parameters name. */
  runsPrograms?(params: Params): boolean;
}

/** Checked parameters of any step. */
// deno-lint-ignore no-explicit-any
export type StepParams = any;

/** Makes an operation whose parameters have the types of its shapes. Its check refuses wrong values first. */
export function stepOperation<const Shapes extends ParameterShapes>(
  operation:
    & StepOperation<ParamsOf<Shapes>, KnownParamsOf<Shapes>>
    & { readonly parameters: Shapes },
): StepOperation {
  const plain = operation as StepOperation;
  if (plain.validate === undefined) return plain;
  return {
    ...plain,
    async check(params, reader, forecast) {
      plain.validate?.(params);
      return await plain.check(params, reader, forecast);
    },
  };
}
