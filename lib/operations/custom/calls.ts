import type {
  ActPermissions,
  CustomCheck,
} from "../../steps/custom_operation.ts";

/** Subcommand of the agent that carries out calls of custom operations. */
export const CALLS_SUBCOMMAND = "custom-operations";

/** Longest call and longest answer, in bytes of JSON. */
export const MAX_CALL_BYTES = 1_048_576;
/** Most memory of the code of all custom operations of a run, in MiB. */
export const MAX_MEMORY_MIB = 512;

/** Function of a custom operation. */
export type Phase = "check" | "change";

/** Means of printing for the step at a place. */
export type PrintForStep = (
  step: number,
  stream: "stdout" | "stderr",
  text: string,
) => Promise<void>;

/** First line for the process of custom operations. */
export interface CallsBegin {
  /** Text in front of each of its lines, which tells them from what the operations print. */
  readonly token: string;
  /** Folder of the modules, which they may read. */
  readonly folder: string;
}

/** Call of a custom operation. */
export interface Call {
  readonly id: number;
  /** URL of the module. */
  readonly url: string;
  /** Name of the export. */
  readonly export: string;
  /** Name of the operation, for people. */
  readonly name: string;
  readonly phase: Phase;
  readonly permissions: ActPermissions;
  readonly params: Readonly<Record<string, unknown>>;
  /** Answer of the check, for a change. */
  readonly check?: CustomCheck;
}

/** Answer to a call. */
export type CallAnswer =
  | { readonly id: number; readonly value: unknown }
  /** Error of the operation, with its stack. */
  | { readonly id: number; readonly error: string };
