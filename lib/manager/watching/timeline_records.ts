import { hasEndedForGood } from "../../base/command_state.ts";
import { jobIdOf } from "../../base/job_state.ts";
import type { Store } from "../../store/store.ts";
import type { CommandView } from "../api/operator_api.ts";
import {
  LINK_EVENTS,
  TIMELINE_EVENTS,
  type TimelineFacts,
} from "./timeline.ts";

/** Reads what the database has about a command, besides its own record, up to a time. */
export async function timelineRecords(
  store: Pick<Store, "eventsAbout" | "job">,
  command: CommandView,
  at: number,
): Promise<Pick<TimelineFacts, "events" | "job">> {
  const jobId = jobIdOf(command.job);
  const [events, job] = await Promise.all([
    store.eventsAbout({
      commandId: command.id,
      agent: command.agent,
      kinds: LINK_EVENTS,
      from: command.createdAt,
      to: hasEndedForGood(command) ? command.finishedAt ?? at : at,
      limit: TIMELINE_EVENTS,
    }),
    jobId === undefined ? undefined : store.job(jobId),
  ]);
  return { events, job };
}
