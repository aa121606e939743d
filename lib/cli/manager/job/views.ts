import type { Terminal } from "../../terminal.ts";
import { LiveView } from "../live_view.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { BlockPrinter } from "./blocks.ts";
import { Bodies } from "./bodies.ts";
import { fileViews } from "./file_views.ts";
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

/** Views that flags ask for. */
export interface Views {
  /** All of them. Files come first: what can be shown no more is in them. */
  readonly all: JobView;
  /** Views that go on when nobody sees the others any more. */
  readonly unseen: JobView;
}

/** Makes the views that flags ask for. */
export function viewsOf(context: ViewContext): Views {
  const files = fileViews(context);
  return {
    all: joinedViews([...files, mainView(context)]),
    unseen: joinedViews(files),
  };
}

function mainView(context: ViewContext): JobView {
  const { terminal, flags, json } = context;
  if (json) return new JsonJobView(terminal);
  if (flags.stream || flags.raw || flags.timestamps) {
    const view = new LiveView([], {
      terminal,
      style: flags.raw ? "raw" : "lines",
      colour: flags.color,
      times: timesOf(flags),
    });
    return new StreamView(view, { terminal, isBare: flags.raw || flags.quiet });
  }
  const { stdout } = terminal;
  const bodies = new Bodies(context.client, context.signal);
  const lines = flags.lines ?? (stdout.isTerminal ? TERMINAL_LINES : Infinity);
  const onlyFailed = flags["only-failed"] || flags.quiet;
  const printer = new BlockPrinter(bodies, {
    terminal,
    colour: flags.color ?? "auto",
    lines,
    onlyFailed,
  });
  const parts = { bodies, printer, stdout, lines, onlyFailed };
  return new GroupView({
    terminal,
    quiet: flags.quiet,
    printBlocks: async (board) => {
      if (!flags.diff) return await printer.print(board);
      // Imported when it is needed, as few people do.
      const { printDiff } = await import("./diff_blocks.ts");
      await printDiff(board, parts);
    },
  });
}

/** Times in front of lines, as flags ask for them. */
export function timesOf(
  { timestamps, utc }: Pick<ViewFlagValues, "timestamps" | "utc">,
): "local" | "utc" | undefined {
  if (!timestamps) return undefined;
  return utc ? "utc" : "local";
}
