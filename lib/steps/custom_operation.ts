import type { ParameterShape, ParameterType } from "./parameters.ts";
import type { Change } from "./step_operation.ts";

/** Types that parameters of custom operations may have. */
export const CUSTOM_TYPES = [
  "text",
  "path",
  "mode",
  "switch",
  "integer",
  "duration",
  "texts",
  "integers",
  "map",
  "any",
] as const satisfies readonly ParameterType[];

/** Parameter of a custom operation. */
export interface CustomParameter
  extends Omit<ParameterShape, "type" | "secret"> {
  readonly type: (typeof CUSTOM_TYPES)[number];
}

/** Permissions of Deno, as its flags --allow-read and so on. What is not named is refused. */
export interface LookPermissions {
  /** Names of environment variables, or true for all. */
  readonly env?: true | readonly string[];
  /** Hosts as example.com or 10.0.0.1:80, or true for all. */
  readonly net?: true | readonly string[];
  /** Paths of files and folders, or true for all. */
  readonly read?: true | readonly string[];
  /** Names or paths of programs. They are not held to the other permissions. */
  readonly run?: readonly string[];
  /** Kinds of facts about the system as hostname, or true for all. */
  readonly sys?: true | readonly string[];
}

/** Permissions of a change, which may write and run any program. */
export interface ActPermissions extends Omit<LookPermissions, "run"> {
  /** Names or paths of programs, or true for all. They are not held to the other permissions. */
  readonly run?: true | readonly string[];
  /** Paths of files and folders, or true for all. */
  readonly write?: true | readonly string[];
}

/** Permissions of a custom operation. */
export interface CustomPermissions {
  /** Permissions while it looks, in a plan and before and after each change. */
  readonly check?: LookPermissions;
  readonly change?: ActPermissions;
}

/** Answer of a check of a custom operation. */
export interface CustomCheck {
  /** Parts of the host that differ from what the step wants. None: it is as it should be. */
  readonly changes: readonly Change[];
  /** Reason why it cannot be told now. */
  readonly unknown?: string;
  /**
   * Facts that were looked at, as JSON. An apply refuses a plan that was made on other ones. The changes by default.
   * Nothing that moves by itself belongs here, as a time or the number of a process.
   */
  readonly observed?: unknown;
}

/** Answer of a change of a custom operation. */
export interface CustomChanged {
  /** False if nothing was changed after all. */
  readonly changed?: boolean;
  /** Sentence for the records of the run. */
  readonly note?: string;
}

/**
 * Operation of steps that a user writes: an exported object `Class` in operations/MODULE.ts of the Manager's folder is
 * the operation `MODULE.Class`.
 *
 * All but the two functions must be plain values, because the Manager reads them without running the file.
 *
 * @example An operation that keeps a file empty
 * ```ts
 * import type { CustomOperation } from "@piri/piri";
 *
 * export const Empty: CustomOperation<{ path: string }> = {
 *   description: "Keeps a file empty",
 *   parameters: {
 *     path: { type: "path", required: true, description: "The file" },
 *   },
 *   permissions: { check: { read: true }, change: { write: true } },
 *   async check({ path }) {
 *     const { size } = await Deno.stat(path);
 *     return {
 *       changes: size === 0 ? [] : [{ what: "size", from: `${size}`, to: "0" }],
 *     };
 *   },
 *   async change({ path }) {
 *     await Deno.truncate(path);
 *   },
 * };
 * ```
 */
export interface CustomOperation<Params = Readonly<Record<string, unknown>>> {
  /** One sentence for people. */
  readonly description: string;
  readonly parameters: {
    readonly [Name in keyof Params]-?: CustomParameter;
  };
  /** Parameter that gives a step without a name its name: by default the first that is required. */
  readonly subject?: keyof Params & string;
  readonly permissions?: CustomPermissions;
  /** Looks, and changes nothing. An error that it throws is that of the step. */
  check(params: Params): CustomCheck | Promise<CustomCheck>;
  /** Does what a check found. The step is checked again afterwards. */
  change(
    params: Params,
    check: CustomCheck,
  ): CustomChanged | void | Promise<CustomChanged | void>;
}
