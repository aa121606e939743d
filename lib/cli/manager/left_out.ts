import type { ResolveTargetsResponse } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../targets/fold_names.ts";
import type { Output } from "../output.ts";
import { agentsText } from "./target_flags.ts";

/** Prints to standard error what a selection left out, and what it did not find. */
export async function tellLeftOut(
  { missing, lacking, unmatched, gone, leftOut, seed }: Pick<
    ResolveTargetsResponse,
    "missing" | "lacking" | "unmatched" | "gone" | "leftOut" | "seed"
  >,
  output: Output,
): Promise<void> {
  const { retired = 0, notJoined = 0, away = 0, notSampled = 0 } = leftOut ??
    {};
  const names = missing.map(({ name }) => name);
  const notes = [
    ...names.length === 0 ? [] : [`not enrolled: ${foldNames(names)}`],
    ...unmatched.map((glob) => `no agent matches ${glob}`),
    ...lacking.map(({ fact, agents }) =>
      `no fact "${fact}" to compare: ${agentsText(agents)}`
    ),
    ...gone.length === 0
      ? []
      : [`of the job, and not enrolled any more: ${foldNames(gone)}`],
    ...retired === 0 ? [] : [`left out as retired: ${agentsText(retired)}`],
    ...notJoined === 0
      ? []
      : [`left out as not joined: ${agentsText(notJoined)}`],
    ...away === 0 ? [] : [`left out as not connected: ${agentsText(away)}`],
    ...seed === undefined ? [] : [
      `left out of the sample: ${
        agentsText(notSampled)
      }; --seed ${seed} repeats it`,
    ],
  ];
  for (const note of notes) await output.note(note);
}
