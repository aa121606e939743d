import type { JobView } from "./job_view.ts";
import { joinedViews } from "./job_view.ts";
import type { Terminal } from "../../terminal.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { Bodies } from "./bodies.ts";
import { BlockPrinter } from "./blocks.ts";
import { GroupView } from "./group_view.ts";
import type { ViewFlagValues } from "./view_flags.ts";

/** Surroundings of the views of a job. */
export interface ViewContext {
  readonly client: RetryingClient;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly flags: ViewFlagValues;
  /** Limit on the waiting for the Manager. */
  readonly signal: AbortSignal;
}

/** Most lines of a block on a terminal. */
const TERMINAL_LINES = 40;

/** The views that flags ask for, as one. */
export function viewsOf(context: ViewContext): Promise<JobView> {
  const { terminal, flags, client, signal } = context;
  const bodies = new Bodies(client, signal);
  const printer = new BlockPrinter(bodies, {
    terminal,
    colour: flags.color ?? "auto",
    lines: flags.lines ??
      (terminal.stdout.isTerminal ? TERMINAL_LINES : Infinity),
    onlyFailed: flags["only-failed"] || flags.quiet,
  });
  return Promise.resolve(joinedViews([
    new GroupView({
      terminal,
      quiet: flags.quiet,
      tellsFailures: true,
      printBlocks: (board) => printer.print(board),
    }),
  ]));
}
