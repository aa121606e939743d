import type { BlobValue, SheetValue } from "./sheet.ts";

/**
 * Type of a parameter of a step. It says how the text of a scalar is read: `mode: 0644` is octal, `version: 1.10` is
 * text, `name: no` is text, and a switch takes yes, no, on, off, true and false.
 */
export type ParameterType =
  | "text"
  /** Absolute path on the host. */
  | "path"
  /** Octal bits of a mode, 0 to 07777; a number in the sheet. */
  | "mode"
  | "switch"
  | "integer"
  /** Duration such as 10s or 5m; milliseconds in the sheet. */
  | "duration"
  /** File of the Manager, by its path below files/all; the blob that holds it in the sheet. */
  | "file"
  /** Folder of the Manager, by its path below files/all; the blob that lists its files in the sheet. */
  | "folder"
  /** Text or bytes of a file: text, or the blob that holds it. */
  | "content"
  /** Texts; a single one is a list of one. */
  | "texts"
  /** Whole numbers; a single one is a list of one. */
  | "integers"
  /** Map of texts. */
  | "map"
  /** Earlier steps of the same run, by reference in a state and by place in the sheet. */
  | "steps"
  /** Anything that JSON can say. */
  | "any";

/** Parameter of a step, for checks, help and schemas. */
export interface ParameterShape {
  readonly type: ParameterType;
  /** One line for people: a noun phrase. */
  readonly description: string;
  readonly required?: true;
  /** Only texts that are allowed, if not all are. */
  readonly choices?: readonly string[];
  /** Smallest and largest whole number that is allowed, if not all are. */
  readonly range?: readonly [number, number];
  /** True if a secret may stand in it; in a content, it always may. */
  readonly secret?: true;
  /** True for an expression that the Manager decides when it compiles the state: true or false in the sheet. */
  readonly decided?: true;
  /** Value if none is given, as shown to people; the operation itself applies it. */
  readonly standard?: string;
  /** Former name, by which `run --op` takes it, too; states know only the name. */
  readonly formerName?: string;
}

/** True if a secret may stand in a parameter. */
export function maySeal({ type, secret }: ParameterShape): boolean {
  return type === "content" || secret === true;
}

/** Parameters of an operation by their names. */
export type ParameterShapes = Readonly<Record<string, ParameterShape>>;

interface ValueOf {
  readonly text: string;
  readonly path: string;
  readonly mode: number;
  readonly switch: boolean;
  readonly integer: number;
  readonly duration: number;
  readonly content: string | BlobValue;
  readonly file: string | BlobValue;
  readonly folder: string | BlobValue;
  readonly texts: readonly string[];
  readonly integers: readonly number[];
  readonly map: Readonly<Record<string, string>>;
  readonly steps: readonly number[];
  readonly any: SheetValue;
}

type RequiredNames<Shapes extends ParameterShapes> = {
  [Name in keyof Shapes]: Shapes[Name] extends { readonly required: true }
    ? Name
    : never;
}[keyof Shapes];

/** Names of parameters in which secrets may stand. */
type SealedNames<Shapes extends ParameterShapes> = {
  [Name in keyof Shapes]: Shapes[Name] extends
    { readonly secret: true } | { readonly type: "content" } ? Name
    : never;
}[keyof Shapes];

/** Checked parameters that have these shapes. */
export type ParamsOf<Shapes extends ParameterShapes> = ValuesOf<
  Shapes,
  RequiredNames<Shapes>
>;

/** The same where secrets are not known: what may have some can be absent, also if it is required. */
export type KnownParamsOf<Shapes extends ParameterShapes> = ValuesOf<
  Shapes,
  Exclude<RequiredNames<Shapes>, SealedNames<Shapes>>
>;

type ValuesOf<Shapes extends ParameterShapes, Needed extends keyof Shapes> =
  & { readonly [Name in Needed]: ValueOf[Shapes[Name]["type"]] }
  & {
    readonly [Name in Exclude<keyof Shapes, Needed>]?: ValueOf[
      Shapes[Name]["type"]
    ];
  };
