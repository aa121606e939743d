/** Type of a parameter of a custom operation, by which the text of a state is read. */
export type CustomType =
  | "text"
  /** Absolute path on the host. */
  | "path"
  /** Octal bits of a mode; a number. */
  | "mode"
  | "switch"
  | "integer"
  /** Duration such as 10s; milliseconds. */
  | "duration"
  /** Texts; a single one is a list of one. */
  | "texts"
  | "integers"
  /** Map of texts. */
  | "map"
  /** Text of a file of any length that a call can have; a state may compute it. */
  | "content"
  /** Text of a file of the Manager, by its path below files/. */
  | "file"
  /** Anything that JSON can say. */
  | "any";

/** Parameter of a custom operation. */
export interface CustomParameter {
  /** Type of the parameter. */
  readonly type: CustomType;
  /** One line for people: a noun phrase. */
  readonly description: string;
  /** True if each step must give it. */
  readonly required?: true;
  /** Only texts that are allowed, if not all are. */
  readonly choices?: readonly string[];
  /** True if a secret may stand in it: in a text, texts or a map. In a content, it always may. */
  readonly secret?: true;
  /** Value if none is given, as shown to people; the operation itself applies it. */
  readonly standard?: string;
}

/** Part of the host that differs from what a step wants. */
export interface CustomChange {
  /** Changed thing in a word or two, as content, mode, owner. */
  readonly what: string;
  /** Value that it has. */
  readonly from?: string;
  /** Value that it will have. */
  readonly to?: string;
  /** Lines that are added and removed, of a text. */
  readonly lines?: { readonly added: number; readonly removed: number };
  /** Difference of two texts, as a patch. */
  readonly text?: string;
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
  /** Permissions while it acts. */
  readonly change?: ActPermissions;
}

/** Answer of a check of a custom operation. */
export interface CustomCheck {
  /** Parts of the host that differ from what the step wants. None: it is as it should be. */
  readonly changes: readonly CustomChange[];
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
  /** Parameters by their names. */
  readonly parameters: {
    readonly [Name in keyof Params]-?: CustomParameter;
  };
  /** Parameter that gives a step without a name its name: by default the first that is required. */
  readonly subject?: keyof Params & string;
  /** Permissions; none by default. */
  readonly permissions?: CustomPermissions;
  /** Looks, and changes nothing. An error that it throws is that of the step. */
  check(params: Params): CustomCheck | Promise<CustomCheck>;
  /** Does what a check found. The step is checked again afterwards. */
  change(
    params: Params,
    check: CustomCheck,
  ): CustomChanged | void | Promise<CustomChanged | void>;
}
