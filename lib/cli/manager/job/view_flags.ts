import { PiriError } from "../../../base/errors.ts";
import { HintedError } from "../../errors.ts";
import { COLOUR_FLAG, type ColourChoice } from "../../colour.ts";
import type { Flags } from "../../command.ts";

/** A flag that decides about what is shown, or whether anything is. */
type Deciding = keyof ViewFlagValues | "json" | "detach";

/** Two flags of which one would do nothing, and a sentence about why, and what to do instead. */
type Contradiction = readonly [Deciding, Deciding, string];

const TWO_FORMS =
  "they are two forms of the same output; leave one of them out";
const AT_ONCE = (other: string) =>
  `lines are printed as they come, and ${other}; leave one of them out`;
const NO_BLOCKS = AT_ONCE("only a block at the end has a limit of lines");
const TOO_EARLY = AT_ONCE("who fails is known at the end");
const ALL_BYTES = (other: string) =>
  `the exact bytes of all agents are printed, and ${other}; leave one of them out`;
const ALL_EVENTS =
  "the events of all agents are printed; leave one of them out, and choose among the events with jq, for example";
const UNWRITTEN = "nobody waits for what it would tell";

/** Flags that contradict each other. All others go together: docs/output.md says how. */
const CONTRADICTIONS: readonly Contradiction[] = [
  ["stream", "diff", TWO_FORMS],
  ["stream", "raw", TWO_FORMS],
  ["stream", "lines", NO_BLOCKS],
  ["stream", "only-failed", TOO_EARLY],
  ["diff", "raw", TWO_FORMS],
  ["timestamps", "diff", AT_ONCE("what differs is known at the end")],
  ["timestamps", "lines", NO_BLOCKS],
  ["timestamps", "only-failed", TOO_EARLY],
  ["raw", "timestamps", ALL_BYTES("they have no room for times")],
  ["raw", "lines", ALL_BYTES("they have no limit of lines")],
  ["raw", "quiet", ALL_BYTES("there are no lines about agents to leave out")],
  ["raw", "only-failed", ALL_BYTES("who fails is known at the end")],
  ["json", "diff", TWO_FORMS],
  ["json", "raw", TWO_FORMS],
  ["json", "lines", ALL_EVENTS],
  ["json", "quiet", ALL_EVENTS],
  ["json", "only-failed", ALL_EVENTS],
  ["out", "detach", UNWRITTEN],
  ["junit", "detach", UNWRITTEN],
  ["summary", "detach", UNWRITTEN],
];

/** Flags that contradict one. */
function apartFrom(flag: Deciding): readonly Deciding[] {
  return CONTRADICTIONS.flatMap(([one, other]) =>
    one === flag ? [other] : other === flag ? [one] : []
  );
}

/** Flags for the view of a job. */
export const VIEW_FLAGS = {
  stream: {
    type: "boolean",
    apart: apartFrom("stream"),
    summary:
      "several agents: print lines as they come, each with the name of its agent",
  },
  diff: {
    type: "boolean",
    apart: apartFrom("diff"),
    summary:
      "several agents: print the largest group, and of others only the lines that differ from it",
  },
  lines: {
    type: "number",
    apart: apartFrom("lines"),
    value: "N",
    summary:
      "several agents: most lines of a group (default: 40 on a terminal, else all)",
    least: 0,
    most: 1_000_000_000,
  },
  quiet: {
    type: "boolean",
    apart: apartFrom("quiet"),
    summary:
      "several agents: print only failures and the summary; with --stream, only lines, and a summary if some failed",
  },
  "only-failed": {
    type: "boolean",
    apart: apartFrom("only-failed"),
    summary: "several agents: print only the output of those that failed",
  },
  timestamps: {
    type: "boolean",
    apart: apartFrom("timestamps"),
    summary: "print the time in front of each line (several agents: --stream)",
  },
  utc: {
    type: "boolean",
    needs: ["timestamps"],
    summary: "with --timestamps: times in UTC",
  },
  out: {
    type: "string",
    apart: apartFrom("out"),
    value: "DIR",
    summary:
      "write AGENT.stdout, AGENT.stderr and summary.json into this folder, too",
  },
  junit: {
    type: "string",
    apart: apartFrom("junit"),
    value: "FILE",
    summary: "write the ends as a JUnit report, too",
  },
  summary: {
    type: "string",
    apart: apartFrom("summary"),
    value: "FILE",
    summary: "write a summary in Markdown, too",
  },
  raw: {
    type: "boolean",
    apart: apartFrom("raw"),
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

/** Flags for files. */
const FILE_FLAGS = ["out", "junit", "summary"] as const;

/**
 * Requires that the flags do not contradict each other.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkViewFlags(
  flags: ViewFlagValues & { readonly detach?: boolean },
  { json }: { readonly json: boolean },
): void {
  const given: Readonly<Record<string, unknown>> = { ...flags, json };
  const isSet = (name: Deciding) => (given[name] ?? false) !== false;
  for (const [one, other, why] of CONTRADICTIONS) {
    if (!isSet(one) || !isSet(other)) continue;
    const message = `Cannot use "--${one}" with "--${other}": ${why}`;
    throw other === "detach" && isFileFlag(one)
      ? new HintedError("INVALID_ARGUMENT", message, watchLineOf(one))
      : new PiriError("INVALID_ARGUMENT", message);
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
  const file = FILE_FLAGS.find((name) => flags[name] !== undefined);
  if (file === undefined) return;
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot use "--${file}" for ${what}: only a job has files`,
    watchLineOf(file),
  );
}

type FileFlag = typeof FILE_FLAGS[number];

function isFileFlag(name: string): name is FileFlag {
  return FILE_FLAGS.some((flag) => flag === name);
}

/** Command line that writes a file of a job later. */
function watchLineOf(flag: FileFlag): string {
  return `piri-manager job watch ID --${flag} ${VIEW_FLAGS[flag].value}`;
}
