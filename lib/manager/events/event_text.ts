import type { EventSource } from "../../base/event_cursor.ts";
import { progressWords } from "../../base/progress.ts";
import type { CommandBrief, HistoryEntry } from "../../store/records.ts";
import type { EventView } from "../api/operator_api.ts";

/** Shows an entry of the history to operators. */
export function viewOf(entry: HistoryEntry): EventView {
  const { key } = entry;
  if ("event" in entry) {
    const { id, kind, agent, commandId, message } = entry.event;
    return { key, id, kind, agent, commandId, message };
  }
  const { command } = entry;
  const { id, agent, operation, state } = command;
  return {
    key,
    id: 0n,
    kind: `command_${key.source === "ended" ? state : key.source}`,
    agent,
    commandId: id,
    message: `command ${id} (${operation}) on "${agent}"${
      restOf(key.source, command)
    }`,
  };
}

function restOf(source: EventSource, command: CommandBrief): string {
  if (source === "requested") {
    return ` was requested by ${command.requestedBy || "an operator"}`;
  }
  if (source === "progress") return `: ${progressWords(progressOf(command))}`;
  return command.state === "succeeded"
    ? " succeeded"
    : `: ${command.reason || exitOf(command)}`;
}

function progressOf(
  { progressCurrent, progressTotal, progressMessage }: CommandBrief,
) {
  return {
    current: progressCurrent ?? 0,
    total: progressTotal ?? 0,
    message: progressMessage,
  };
}

function exitOf({ exitCode, signal, state }: CommandBrief): string {
  if (signal !== null) return `ended by ${signal}`;
  return exitCode === null ? state : `exit code ${exitCode}`;
}
