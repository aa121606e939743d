import { PiriError } from "../../../base/errors.ts";
import { HintedError } from "../../errors.ts";
import { COLOUR_FLAG, type ColourChoice } from "../../colour.ts";
import type { Flags } from "../../command.ts";

/** Flags for the view of a job. */
export const VIEW_FLAGS = {
  stream: {
    type: "boolean",
    summary:
      "several agents: print lines as they come, each with the name of its agent",
  },
  diff: {
    type: "boolean",
    summary:
      "several agents: print the largest group, and of others only the lines that differ from it",
  },
  lines: {
    type: "number",
    value: "N",
    summary:
      "several agents: most lines of a group (default: 40 on a terminal, else all)",
    least: 0,
    most: 1_000_000_000,
  },
  quiet: {
    type: "boolean",
    summary: "several agents: print only failures and the summary",
  },
  "only-failed": {
    type: "boolean",
    summary: "several agents: print only the output of those that failed",
  },
  timestamps: {
    type: "boolean",
    summary: "print the time in front of each line (several agents: --stream)",
  },
  utc: { type: "boolean", summary: "with --timestamps: times in UTC" },
  out: {
    type: "string",
    value: "DIR",
    summary:
      "write AGENT.stdout, AGENT.stderr and summary.json into this folder, too",
  },
  junit: {
    type: "string",
    value: "FILE",
    summary: "write the ends as a JUnit report, too",
  },
  summary: {
    type: "string",
    value: "FILE",
    summary: "write a summary in Markdown, too",
  },
  raw: {
    type: "boolean",
    summary:
      "print the exact bytes and nothing else (default for one agent by its name if stdout is no terminal)",
  },
  color: COLOUR_FLAG,
} as const satisfies Flags;

/** Values of VIEW_FLAGS. */
export interface ViewFlagValues {
  readonly stream: boolean;
  readonly diff: boolean;
  readonly lines: number | undefined;
  readonly quiet: boolean;
  readonly "only-failed": boolean;
  readonly timestamps: boolean;
  readonly utc: boolean;
  readonly out: string | undefined;
  readonly junit: string | undefined;
  readonly summary: string | undefined;
  readonly raw: boolean;
  readonly color: ColourChoice | undefined;
}

/** Values that nobody has set. */
export const DEFAULT_VIEW: ViewFlagValues = {
  stream: false,
  diff: false,
  lines: undefined,
  quiet: false,
  "only-failed": false,
  timestamps: false,
  utc: false,
  out: undefined,
  junit: undefined,
  summary: undefined,
  raw: false,
  color: undefined,
};

/** Flags for files, with what their values are. */
const FILES = { out: "DIR", junit: "FILE", summary: "FILE" } as const;

/** Forms of which at most one can be asked for. */
const FORMS = ["stream", "diff", "raw"] as const;

/**
 * Requires that the flags do not contradict each other.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkViewFlags(
  flags: ViewFlagValues & { readonly detach?: boolean },
): void {
  const file = fileFlagOf(flags);
  if (flags.detach === true && file !== undefined) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      `Cannot use "--${file}" with "--detach": nobody waits for what it would tell`,
      `piri-manager job watch ID --${file} ${FILES[file]}`,
    );
  }
  const [one, other] = FORMS.filter((name) => flags[name]);
  if (other !== undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot use "--${one}" with "--${other}": they are two forms of the same output`,
    );
  }
  if (flags.raw && flags.timestamps) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot use "--raw" with "--timestamps": exact bytes have no room for times',
    );
  }
  if (flags.utc && !flags.timestamps) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot use "--utc" without "--timestamps"',
    );
  }
}

/**
 * Requires that no files are asked for, which only a job has.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkNoFiles(flags: ViewFlagValues, what: string): void {
  const file = fileFlagOf(flags);
  if (file === undefined) return;
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot use "--${file}" for ${what}: only a job has files`,
    `piri-manager job watch ID --${file} ${FILES[file]}`,
  );
}

/** The first flag for a file that is set. */
function fileFlagOf(
  flags: ViewFlagValues,
): keyof typeof FILES | undefined {
  return (["out", "junit", "summary"] as const)
    .find((name) => flags[name] !== undefined);
}
