import { COMMAND_STATES } from "../../base/command_state.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { durationText, isoTime } from "../time.ts";
import type { Output } from "../output.ts";
import { oneLine } from "../text.ts";
import type { AgentServices, HostCommand, RecordVerdict } from "./services.ts";

const DEFAULT_LIMIT = 100;

/** `commands`: lists the commands that this host got, newest first. */
export const commands = defineSubcommand({
  name: "commands",
  summary: "list what this host did by its own record, newest first",
  positionals: {},
  flags: {
    limit: {
      type: "number",
      value: "N",
      summary: "number of commands, at most 100000 (default: 100)",
      least: 1,
      most: 100_000,
    },
    since: {
      type: "duration",
      value: "TIME",
      summary: "only commands of this last time: 90s, 24h",
    },
    state: {
      type: "choice",
      choices: COMMAND_STATES.filter((state) =>
        state !== "queued" && state !== "sent"
      ),
      summary: "only commands in this state",
    },
    verify: {
      type: "boolean",
      summary:
        "check that no line of the record was changed, removed, added or moved, instead of listing",
    },
  },
  examples: ["", "--since 24h --state failed", "--limit 10 --json", "--verify"],
  async execute({ flags, dir, output, terminal }, services: AgentServices) {
    if (flags.verify) {
      return await tellVerdict(await services.verifyCommands({ dir }), output);
    }
    const { commands, troubles } = await services.commands({ dir });
    const oldest = flags.since === undefined
      ? -Infinity
      : terminal.clock.now() - flags.since;
    const chosen = commands
      .filter((command) => timeOf(command) >= oldest)
      .filter(({ state }) => flags.state === undefined || state === flags.state)
      .slice(-(flags.limit ?? DEFAULT_LIMIT))
      .toReversed();
    await output.list(chosen, {
      json: commandJson,
      columns: {
        ID: ({ id }) => String(id),
        STATE: stateText,
        CREATED: (command) => output.time(BigInt(timeOf(command))),
        TOOK: ({ tookMs }) => tookMs === undefined ? "" : durationText(tookMs),
        BY: ({ requestedBy }) => requestedBy,
        WHAT: ({ operation, program }) => `${operation} ${program}`,
      },
    });
    for (const trouble of troubles) await output.note(`record: ${trouble}`);
    return ExitCode.ok;
  },
});

/** Prints a verdict on the record. Returns the exit code. */
async function tellVerdict(
  { lines, first, findings, notes }: RecordVerdict,
  output: Output,
): Promise<number> {
  const range = lines === 0 ? "" : `, from number ${first} on`;
  const count = `${lines === 1 ? "1 line" : `${lines} lines`}${range}`;
  await output.either(
    { lines, first: lines === 0 ? null : first, findings, notes },
    findings.length === 0
      ? `ok: ${count}: none was changed, removed, added or moved`
      : `The record is broken (${count}):`,
    ...findings.map(oneLine),
  );
  for (const note of notes) await output.note(`record: ${note}`);
  return findings.length === 0 ? ExitCode.ok : ExitCode.failed;
}

/** First time that the record has of a command. */
function timeOf(
  { acceptedAt, startedAt, cancelledAt, finishedAt }: HostCommand,
): number {
  return acceptedAt ?? startedAt ?? cancelledAt ?? finishedAt ?? 0;
}

function stateText(
  { state, exitCode, signal, why, finishedAt }: HostCommand,
): string {
  const parts = [state.replace("_", " ")];
  if (signal !== undefined) parts.push(signal);
  else if (exitCode !== undefined && exitCode !== 0) {
    parts.push(`exit code ${exitCode}`);
  }
  if (finishedAt === undefined && why !== "") parts.push("cancelled");
  return parts.join(", ");
}

function commandJson(command: HostCommand): Record<string, unknown> {
  return {
    id: String(command.id),
    operation: command.operation,
    program: text(command.program),
    requestedBy: text(command.requestedBy),
    state: command.state,
    exitCode: command.exitCode ?? null,
    signal: command.signal ?? null,
    reason: text(command.why),
    acceptedAt: time(command.acceptedAt),
    startedAt: time(command.startedAt),
    cancelledAt: time(command.cancelledAt),
    finishedAt: time(command.finishedAt),
    tookMs: command.tookMs ?? null,
    manager: text(command.managerId),
    nonce: command.nonce.toString(16).padStart(16, "0"),
  };
}

function time(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms);
}

function text(value: string): string | null {
  return value === "" ? null : value;
}
