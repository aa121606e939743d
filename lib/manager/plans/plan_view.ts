import { isOpenState } from "../../base/command_state.ts";
import { isUnstarted } from "../../base/job_state.ts";
import type { EntryRecord } from "../../store/job_records.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { PlanAgentRecord, PlanRecord } from "../../store/plan_records.ts";
import type {
  PlanEntry,
  PlanEntryState,
  PlanGroup,
  PlanState,
  PlanView,
} from "../api/plan_api.ts";
import { digestOf } from "./plan_digest.ts";
import { isStale } from "./plan_work.ts";

/** Apply on one agent. */
export interface Applied {
  /** Entry of its job; null for a command that no job of the plan has made. */
  readonly entry: Pick<EntryRecord, "state" | "reason"> | null;
  /** Null without one, or if that was deleted since. */
  readonly command:
    | Pick<CommandRecord, "state" | "reason" | "errorCode" | "data">
    | null;
}

/** A plan as people see it. */
export function planView(
  plan: PlanRecord,
  { agents, applied, groups, secrets, now }: {
    readonly agents: readonly PlanAgentRecord[];
    /** Newest applies by the names of the agents. */
    readonly applied: ReadonlyMap<string, Applied>;
    readonly groups: readonly PlanGroup[];
    readonly secrets: readonly string[];
    readonly now: number;
  },
): PlanView {
  const { requestId: _, ...shown } = plan;
  const entries = agents.map((agent) =>
    entryOf(agent, applied.get(agent.agent))
  );
  return {
    ...shown,
    state: stateOf(plan, entries, now),
    entries,
    groups,
    secrets,
    sha256: digestOf(plan, agents),
  };
}

/** True if there is something to do on an agent that nothing has begun to do. */
export function isLeft({ state }: PlanEntry): boolean {
  return state === "planned";
}

function stateOf(
  plan: PlanRecord,
  entries: readonly PlanEntry[],
  now: number,
): PlanState {
  const has = (...states: PlanEntryState[]) =>
    entries.some(({ state }) => states.includes(state));
  if (plan.withdrawnAt !== null) return "withdrawn";
  if (has("applying")) return "applying";
  if (has("planning")) return isStale(plan, now) ? "stale" : "planning";
  if (has("applied", "refused", "apply_failed", "lost")) {
    return has("planned", "refused", "apply_failed", "lost", "failed")
      ? "partly"
      : "applied";
  }
  if (entries.every(({ state }) => state === "same")) return "same";
  return isStale(plan, now) ? "stale" : "open";
}

function entryOf(
  agent: PlanAgentRecord,
  applied: Applied | undefined,
): PlanEntry {
  const { counts, sheet, version, applyJob, applyCommand } = agent;
  return {
    agent: agent.agent,
    counts,
    sheet,
    version,
    applyJob,
    applyCommand,
    applyData: applied?.command?.data ?? "",
    places: [],
    ...outcomeOf(agent, applied),
  };
}

function outcomeOf(
  { state, message, counts, applyCommand }: PlanAgentRecord,
  applied: Applied | undefined,
): Pick<PlanEntry, "state" | "message"> {
  if (state !== "planned") return { state, message };
  if (counts.change + counts.unknown === 0) return { state: "same", message };
  const { entry = null, command = null } = applied ?? {};
  if (command === null) {
    if (entry !== null && isUnstarted(entry.state)) {
      return { state: "applying", message: "" };
    }
    if (applyCommand === null) {
      return { state: "planned", message: entry?.reason ?? message };
    }
    return {
      state: "lost",
      message: entry?.reason || "its command is no longer in the history",
    };
  }
  const { state: now, reason, errorCode } = command;
  if (isOpenState(now)) return { state: "applying", message: "" };
  if (now === "succeeded") return { state: "applied", message: reason };
  if (now === "lost") return { state: "lost", message: reason };
  return errorCode === "FAILED_PRECONDITION"
    ? { state: "refused", message: reason }
    : { state: "apply_failed", message: reason };
}
