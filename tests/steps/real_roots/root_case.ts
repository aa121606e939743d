import type { SheetStep } from "../../../lib/steps/sheet.ts";

/** Sheet for a throw-away root, and what must be there after it. */
export interface RootCase {
  /** Sentence about behaviour, without "in a real root". */
  readonly name: string;
  /** Lines for the shell that make the root what the sheet finds. */
  readonly prepare?: string;
  readonly steps:
    readonly (Pick<SheetStep, "operation"> & Partial<SheetStep>)[];
  /** Links that a step follows, and where they lead. */
  readonly links?: Readonly<Record<string, string>>;
  /** Everything that the apply writes, as in `writtenIn`. */
  readonly written: readonly string[];
  /** Other paths that it may write: those that the package manager keeps for itself. */
  readonly besides?: RegExp;
  /** Lines that make what no disk keeps, as mounts and servers, without writing anything outside of /run. */
  readonly start?: string;
  /** Folder whose files are at http://127.0.0.1:8000/ while the steps run. */
  readonly serve?: string;
  /** Places of the steps that change nothing, and of those that change something which the plan cannot tell. */
  readonly unchanged?: readonly number[];
  readonly unknown?: readonly number[];
  /** Lines for the shell, and what they print at the end. */
  readonly look?: string;
  readonly seen?: string;
  /** Program that the case needs and that this host may lack. */
  readonly needs?: string;
}
