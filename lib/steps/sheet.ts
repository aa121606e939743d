import type { CustomParameter, CustomPermissions } from "./custom_operation.ts";

/**
 * Value of a parameter in a sheet: JSON, a blob in place of a long text, or a text with secrets in it.
 *
 * A value that is a map in the state file is a map here as well, so blob and secret are told by their only key, which
 * begins with a dollar sign; no name of a parameter or variable can.
 */
export type SheetValue =
  | string
  | number
  | boolean
  | null
  | readonly SheetValue[]
  | { readonly [key: string]: SheetValue };

/** Blob in place of a text of over 32 KiB. */
export interface BlobValue {
  readonly $blob: { readonly sha256: string; readonly size: number };
}

/** File in the list of a folder, which is a JSON array of these, sorted by path, in a blob. */
export interface TreeFile {
  /** Path below the folder, with slashes. */
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

/** Text with secrets in it: a text for each part around them, and a reference for each of them. */
export interface SecretValue {
  readonly $secret: {
    readonly parts: readonly (
      | string
      | {
        /** Name of the secret. */
        readonly name: string;
        /** Keyed hash of its value, so that another value makes another sheet. */
        readonly mac: string;
        /** Form in which its value is put in; as it is if absent. */
        readonly form?: "json" | "base64" | "shell" | "url";
      }
    )[];
  };
}

/** Condition of a step that the host decides; what facts decide was decided when the sheet was made. */
export type SheetCondition =
  | { readonly kind: "all"; readonly of: readonly SheetCondition[] }
  | { readonly kind: "any"; readonly of: readonly SheetCondition[] }
  | { readonly kind: "not"; readonly of: SheetCondition }
  /** True if one of these earlier steps changed, or is owed. */
  | { readonly kind: "changed"; readonly steps: readonly number[] }
  | {
    readonly kind: "path";
    readonly is: "exists" | "isfile" | "isdir" | "islink";
    readonly path: string;
  }
  /** True if the line, which must only look, ends with one of the codes. */
  | {
    readonly kind: "cmd";
    readonly line: string;
    readonly codes: readonly number[];
  };

/** Step of a sheet: final parameters, and references as places of earlier steps, from 0. */
export interface SheetStep {
  /** Full name, as `Web server:Site`; unique in the sheet. */
  readonly name: string;
  /** Name of its operation, as file.Installed. */
  readonly operation: string;
  readonly params: Readonly<Record<string, SheetValue>>;
  readonly if?: SheetCondition;
  /** Steps that must have succeeded; else it is skipped. */
  readonly require?: readonly number[];
  /** Steps of which one must have changed, or be owed, for it to run. */
  readonly onchanges?: readonly number[];
  /** True if its failure does not end the run. */
  readonly continue?: true;
  readonly retry?: { readonly times: number; readonly everyMs: number };
  readonly timeoutMs?: number;
  readonly tags?: readonly string[];
  /** True if its changes are recorded without their text. */
  readonly hidden?: true;
}

/** Operation of a module, as its file describes it. */
export interface SheetOperation {
  /** Name in its module, as Site in nginx.Site. */
  readonly name: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, CustomParameter>>;
  /** Parameter that names the subject; empty if there are no parameters. */
  readonly subject: string;
  readonly permissions: Required<CustomPermissions>;
}

/** Module of custom operations that steps use. */
export interface SheetModule {
  readonly name: string;
  /**
   * Files of the module without types, in blobs: the module itself first. Paths are those of the sources below the
   * Manager's folder; on the agent, .ts becomes .js.
   */
  readonly files: readonly TreeFile[];
  /** Operations that steps use. */
  readonly operations: readonly SheetOperation[];
}

/** Compiled state for an agent: steps in the order of their run. */
export interface Sheet {
  readonly format: 1;
  /** Name of the state; empty for the agent's whole state. */
  readonly state: string;
  readonly steps: readonly SheetStep[];
  /** Modules of custom operations, sorted by their names; absent if there are none. */
  readonly modules?: readonly SheetModule[];
}
