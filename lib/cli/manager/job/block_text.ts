import type { Job } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../../targets/fold_names.ts";
import { oneLine } from "../../text.ts";
import { entryText } from "./entry_state.ts";
import type { OutputGroup } from "./groups.ts";

/** First line of a block, as "web-[01-12,15] (13 agents, ok)". */
export function blockHead(
  { entries, asFarAsKept }: OutputGroup,
  job: Job,
): string {
  const [first] = entries;
  const hasOutput = first.stdoutBytes + first.stderrBytes > 0n;
  const alike = entries.every(({ reason }) => reason === first.reason);
  const facts = [
    ...entries.length === 1 ? [] : [`${entries.length} agents`],
    entryText(alike ? first : { ...first, reason: "", errorCode: "" }, job),
    ...hasOutput ? [] : ["no output"],
    ...hasOutput && asFarAsKept && entries.length > 1
      ? ["equal as far as kept"]
      : [],
  ];
  return oneLine(
    `${foldNames(entries.map(({ agent }) => agent))} (${facts.join(", ")})`,
  );
}
