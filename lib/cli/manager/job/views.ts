import type { Terminal } from "../../terminal.ts";
import { LiveView } from "../live_view.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { BlockPrinter } from "./blocks.ts";
import { Bodies } from "./bodies.ts";
import { GroupView } from "./group_view.ts";
import { type JobView, joinedViews } from "./job_view.ts";
import { JsonJobView } from "./json_job_view.ts";
import { StreamView } from "./stream_view.ts";
import type { ViewFlagValues } from "./view_flags.ts";

/** Most lines of a block on a terminal. */
const TERMINAL_LINES = 40;

/** Surroundings of the views of a job. */
export interface ViewContext {
  readonly client: RetryingClient;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly flags: ViewFlagValues;
  /** Limit on the waiting for the Manager. */
  readonly signal: AbortSignal;
}

/** The views that flags ask for, as one. */
export function viewsOf(context: ViewContext): Promise<JobView> {
  return Promise.resolve(joinedViews([mainView(context)]));
}

function mainView(context: ViewContext): JobView {
  const { terminal, flags, json } = context;
  if (json) return new JsonJobView(terminal.stdout);
  if (flags.stream || flags.raw || flags.timestamps) {
    const view = new LiveView([], {
      terminal,
      style: flags.raw ? "raw" : "lines",
      colour: flags.color,
      times: timesOf(flags),
    });
    return new StreamView(view, { terminal, isBare: flags.raw || flags.quiet });
  }
  const printer = new BlockPrinter(
    new Bodies(context.client, context.signal),
    {
      terminal,
      colour: flags.color ?? "auto",
      lines: flags.lines ??
        (terminal.stdout.isTerminal ? TERMINAL_LINES : Infinity),
      onlyFailed: flags["only-failed"] || flags.quiet,
    },
  );
  return new GroupView({
    terminal,
    quiet: flags.quiet,
    printBlocks: (board) => printer.print(board),
  });
}

/** Times in front of lines, as flags ask for them. */
export function timesOf(
  { timestamps, utc }: Pick<ViewFlagValues, "timestamps" | "utc">,
): "local" | "utc" | undefined {
  if (!timestamps) return undefined;
  return utc ? "utc" : "local";
}
