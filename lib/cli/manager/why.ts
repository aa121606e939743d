import type {
  Command,
  GetTimelineResponse,
  TimelineEntry,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import type { Sink } from "../terminal.ts";
import { oneLine } from "../text.ts";
import { durationText } from "../time.ts";
import { answered } from "./ids.ts";
import { ANY_ID, findEntry, parseAnyId } from "./job_ids.ts";
import { timelineJson } from "./json.ts";
import { requestText } from "./request_text.ts";
import type { ManagerServices } from "./services.ts";
import { showEntry, showJob } from "./show_job.ts";
import { outcomeText } from "./states.ts";
import { columnsFor } from "../plain_columns.ts";

/** Narrowest column for texts. */
const MIN_COLUMNS = 30;

/** `why 12`: shows the history of a command with its evidence. */
export const why = defineSubcommand({
  name: "why",
  summary: "tell what happened to a command, and the evidence for it",
  positionals: { id: { type: "one", summary: ANY_ID } },
  flags: {},
  more: [{
    title: "Evidence",
    lines: [
      ["database", "record of the command in the Manager's database"],
      ["events", "event log of the Manager"],
      ["memory", "seen by the Manager since its start, and not recorded"],
      ["connection", "state of the agent's connection now"],
      ["hello", "report of the agent when it connected again"],
      ["result", "report of the agent when the command had ended"],
    ],
  }],
  examples: ["12", "12 --json", "j-17/web-1"],
  async execute(
    { positionals, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    const typed = parseAnyId(positionals.id);
    using control = await services.connect(dir);
    if (typed.kind === "job") {
      const now = terminal.clock.now();
      const entries = false;
      await showJob(typed.id, { control, output, json, entries, now });
      return ExitCode.ok;
    }
    const entry = typed.kind === "entry"
      ? await findEntry(control, typed)
      : undefined;
    if (entry !== undefined && entry.commandId === undefined) {
      const { id: jobId } = typed;
      return await showEntry(entry, { jobId, control, output, json });
    }
    const id = entry?.commandId ?? typed.id;
    const answer = await control.commands.getTimeline({ commandId: id });
    const command = answered(answer.command, `explain command ${id}`);
    if (json) {
      await output.value(timelineJson(command, answer));
      return ExitCode.ok;
    }
    await output.line(titleOf(command));
    const { stdout, columns } = terminal;
    for (
      const line of await linesOf(answer, output, widthFor(stdout, columns))
    ) {
      await output.line(line);
    }
    return ExitCode.ok;
  },
});

function titleOf(command: Command): string {
  const state = outcomeText({ ...command, reason: "", errorCode: "" });
  return oneLine(
    `command ${command.id} on ${command.agent}, ${state}: ${
      requestText(command)
    }`,
  );
}

function widthFor(stdout: Sink, columns: number): number {
  return stdout.isTerminal ? columns : Infinity;
}

/** Formats one line per entry. A long one continues below its beginning. */
async function linesOf(
  { entries, atMs }: GetTimelineResponse,
  output: Output,
  columns: number,
): Promise<string[]> {
  // The last column is filled up by one that no line ends with.
  const rows = [
    ["TIME", "AGE", "KNOWN BY", "|"],
    ...entries.map((entry) => [...headOf(entry, { now: atMs, output }), "|"]),
  ];
  const texts = ["WHAT", ...entries.map(({ text }) => oneLine(text))];
  const { alignColumns, wrapToWidth } = await columnsFor(
    [...rows.flat(), ...texts],
  );
  const heads = alignColumns(rows).map((head) => head.slice(0, -1));
  return heads.flatMap((head, index) => {
    const room = Math.max(MIN_COLUMNS, columns - head.length);
    return wrapToWidth(texts[index] ?? "", room).map((line, row) =>
      `${row === 0 ? head : " ".repeat(head.length)}${line}`
    );
  });
}

function headOf(
  { atMs, evidence }: TimelineEntry,
  { now, output }: { now: bigint; output: Output },
): [string, string, string] {
  const known = oneLine(evidence);
  if (atMs === undefined) return ["", "now", known];
  const age = durationText(Math.max(0, Number(now - atMs)));
  return [output.fullTime(atMs), `${age} ago`, known];
}
