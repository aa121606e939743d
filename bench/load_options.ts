import { PiriError } from "../lib/base/errors.ts";
import { parseFlags } from "../scripts/build/flags.ts";

export interface LoadOptions {
  /** State folder of the Manager. Agents are added by the control API. */
  readonly managerDir: string | undefined;
  /** File with join tokens, one a line. */
  readonly tokenFile: string | undefined;
  /** File with agents of an earlier run. It is written if there is none. */
  readonly identities: string | undefined;
  readonly agents: number;
  readonly rate: number | undefined;
  readonly parallel: number;
  readonly hold: number | undefined;
  /** Pause after a failed redial, in milliseconds. Agents that were cut off dial again only if it is set. */
  readonly reconnect: number | undefined;
  readonly outputBytes: number;
  readonly json: boolean;
}

/** Text of `--help`. */
export const LOAD_HELP = `\
Connects simulated agents to a Manager, and has each answer every command with progress, output and a result.

Usage: deno run -A bench/load.ts [flags]

  --manager-dir DIR    add the agents by the control API of the Manager of this state folder
  --token-file FILE    enrol with these join tokens, one a line
  --identities FILE    the agents of an earlier run; with one of the above, where to keep the new ones
  --agents N           how many (1000, or as many as there are tokens or identities)
  --rate R             dials that begin in a second (as many as can be)
  --parallel N         dials under way at a time (100)
  --hold S             stay for so many seconds (until Ctrl-C)
  --reconnect MS       who is cut off dials again at once, and so long after a dial that failed (stays away)
  --output BYTES       what each command prints (64)
  --json               JSON Lines: "connected" once all have dialled, "summary" at the end
`;

/** Reads the arguments; undefined if they ask for help. Throws INVALID_ARGUMENT. */
export function parseLoadOptions(
  args: readonly string[],
): LoadOptions | undefined {
  const { values } = parse(args);
  if (values.help) return undefined;
  const [managerDir, tokenFile] = [values["manager-dir"], values["token-file"]];
  const ways = [managerDir, tokenFile].filter((way) => way !== undefined);
  if (ways.length > 1 || ways.length + (values.identities ? 1 : 0) === 0) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot tell who the agents are: give one of --manager-dir and --token-file, or --identities",
    );
  }
  return {
    managerDir,
    tokenFile,
    identities: values.identities,
    agents: numberOf("agents", values.agents) ?? 1_000,
    rate: numberOf("rate", values.rate),
    parallel: numberOf("parallel", values.parallel) ?? 100,
    hold: numberOf("hold", values.hold, 0),
    reconnect: numberOf("reconnect", values.reconnect),
    outputBytes: numberOf("output", values.output, 0) ?? 64,
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  return parseFlags({
    args: [...args],
    options: {
      "manager-dir": { type: "string" },
      "token-file": { type: "string" },
      identities: { type: "string" },
      agents: { type: "string" },
      rate: { type: "string" },
      parallel: { type: "string" },
      hold: { type: "string" },
      reconnect: { type: "string" },
      output: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
}

function numberOf(
  name: string,
  text: string | undefined,
  least = 1,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= least) return value;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--${name} ${text}": it takes a number from ${least}`,
  );
}
