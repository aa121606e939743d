import { Bye_Code } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { cutText } from "../../base/text.ts";
import type { End } from "../../wire/connection.ts";
import { byeCodeOf } from "../../wire/dialect.ts";

/** Most bytes of a protocol error in the end of each command that it makes lost. */
const MAX_VIOLATION_BYTES = 1_000;

/** True if the agent connected only to join. */
export function isJoined(end: End): boolean {
  if (end.kind !== "bye") return false;
  // Agents from before the code JOINED say it in the reason.
  return end.bye.code === Bye_Code.JOINED || end.bye.reason === "joined";
}

/** The protocol error that ended a connection, found by either side; undefined for any other end. */
export function violationOf(end: End): string | undefined {
  if (end.kind === "broken") return undefined;
  const code = byeCodeOf(end.kind === "bye" ? end.bye : end);
  return code === Bye_Code.PROTOCOL_ERROR
    ? cutText(describe(end), MAX_VIOLATION_BYTES)
    : undefined;
}

/** End of a connection in words. */
export function describe(end: End): string {
  switch (end.kind) {
    case "bye":
      return `it said "${end.bye.reason}"`;
    case "left":
      return end.reason;
    case "broken":
      return end.reason;
  }
}
