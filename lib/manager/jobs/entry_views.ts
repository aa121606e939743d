import { isUnstarted } from "../../base/job_state.ts";
import type { EntryRecord, JobRecord } from "../../store/job_records.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Commands } from "../commands.ts";
import type { EntryView, JobView } from "../api/job_api.ts";

/** A job as people see it. */
export function jobView(job: JobRecord): JobView {
  const { requestId: _id, endsAs: _endsAs, tokenId: _token, ...view } = job;
  return view;
}

/** An entry as people see it: what is in memory of its command is ahead of the database. */
export function entryView(
  record: EntryRecord,
  commands: Pick<Commands, "openRecord" | "unreachableSince">,
): EntryView {
  const { command, agent, state } = record;
  const open = command === null ? undefined : commands.openRecord(command.id);
  const isOpen = command === null ? isUnstarted(state) : open !== undefined;
  const since = () => commands.unreachableSince(agent, command?.createdAt);
  return {
    ...record,
    command: open ?? command,
    unreachableSince: isOpen ? since() : null,
  };
}

/** Entry of a command as people see it. */
export function startedView(
  position: number,
  canary: boolean,
  command: CommandRecord,
): EntryRecord {
  return {
    position,
    agent: command.agent,
    state: "started",
    reason: "",
    canary,
    commandId: command.id,
    command,
  };
}

/** A command as it was while it ran, for a watcher who gets its output before its end. */
export function runningView(command: CommandRecord): CommandRecord {
  return {
    ...command,
    state: "running",
    presumed: false,
    reason: "",
    errorCode: "",
    exitCode: null,
    signal: null,
    finishedAt: null,
    agentFinishedAt: null,
  };
}
