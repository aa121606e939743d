import type {
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import {
  type AskControl,
  commandPlaces,
  mayNameStep,
  namesSteps,
  placeTexts,
  reasonWithPlace,
} from "../command_places.ts";

/**
 * Entries of a job, with the places of steps in the files of states in their reasons, as: step "Web server:Check"
 * (states/all/web.yaml:4) failed. They are as they were where no place can be told.
 */
export async function placedEntries(
  entries: readonly JobEntry[],
  { job: { operation }, ask }: {
    readonly job: Pick<Job, "operation">;
    readonly ask: AskControl;
  },
): Promise<readonly JobEntry[]> {
  if (!namesSteps(operation)) return entries;
  const named = entries.flatMap(({ commandId, reason }) =>
    commandId !== undefined && mayNameStep(reason)
      ? [{ id: commandId, operation }]
      : []
  );
  const places = await commandPlaces(named, ask);
  return entries.map((entry) => {
    const texts = placeTexts(places.get(entry.commandId ?? 0n) ?? []);
    return { ...entry, reason: reasonWithPlace(entry.reason, texts) };
  });
}
