import type {
  Agent,
  GetStatusResponse,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { compareFacts } from "../../targets/compare_facts.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { durationText, localTime } from "../time.ts";
import { cannotWriteText } from "./storage_text.ts";

/** Time before the end of the certificate from which on that needs attention, in milliseconds. */
const CERTIFICATE_MS = 30 * 86_400_000;

/** Time after which an absence needs attention, in milliseconds. */
const AWAY_MS = 86_400_000;

/** Longest list of folded names, in characters. */
const MAX_NAMES = 60;

/** Sentences about what an operator should look at, the most urgent first. */
export function attentionOf(
  status: GetStatusResponse,
  agents: readonly Agent[],
  now: number,
): string[] {
  const { writeFailure, certificateExpiresAtMs, version } = status;
  const left = Number(certificateExpiresAtMs) - now;
  const awayLong = agents.filter((agent) =>
    isEnrolled(agent) && !agent.connected && agent.sinceMs !== undefined &&
    now - Number(agent.sinceMs) > AWAY_MS
  );
  const older = agents.filter((agent) =>
    agent.connected && agent.version !== "" &&
    (compareFacts("version", agent.version, version) ?? 0) < 0
  );
  return [
    ...writeFailure === undefined ? [] : [cannotWriteText(writeFailure)],
    ...left > CERTIFICATE_MS ? [] : [
      left <= 0
        ? "the certificate of the Manager has ended"
        : `the certificate of the Manager ends in ${durationText(left)}, at ${
          localTime(Number(certificateExpiresAtMs))
        }`,
    ],
    ...some("away for more than a day", awayLong),
    ...some(`older than the Manager, which is ${version}`, older),
  ];
}

/** True for an agent that target expressions mean. */
export function isEnrolled({ joined, retired, revokedAtMs }: Agent): boolean {
  return joined && !retired && revokedAtMs === undefined;
}

function some(what: string, agents: readonly Agent[]): string[] {
  if (agents.length === 0) return [];
  const names = foldNames(agents.map(({ id }) => id));
  const shown = names.length <= MAX_NAMES
    ? names
    : `${names.slice(0, MAX_NAMES)}…`;
  return [`${what}: ${shown} (${agents.length})`];
}
