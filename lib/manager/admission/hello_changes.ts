import { fingerprint } from "../../base/signing_key.ts";
import type { ClientHello } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { AgentRecord } from "../../store/records.ts";
import { policyChange, policyFacts } from "../agents/agent_policy.ts";
import type { Events } from "../events/events.ts";

/** Tells operators what a hello shows to be other than before: the instance, and what the host's owner allows. */
export function tellChanges(
  { id, instance: before, facts }: AgentRecord,
  { instance: now, policy }: ClientHello,
  events: Pick<Events, "add">,
): void {
  if (before !== null && now !== "" && before !== now) {
    events.add(
      "agent_instance",
      `agent "${id}" is another instance than before, ${inShort(now)} after ${
        inShort(before)
      }: its journal is new, or another host has its name`,
      { agent: id },
    );
  }
  const change = before === null
    ? undefined
    : policyChange(id, facts, policyFacts(policy));
  if (change !== undefined) events.add("agent_policy", change, { agent: id });
}

/** First digits of an instance, enough to tell it from another. */
function inShort(instance: string): string {
  return instance.slice(0, 8);
}

/** Tells operators that an agent uses a new key. */
export function tellRotation(
  agent: string,
  key: Uint8Array,
  events: Pick<Events, "add">,
): void {
  events.add(
    "agent_rotated",
    `agent "${agent}" has the new key ${
      fingerprint(key)
    } in use; the one before is refused from now on`,
    { agent },
  );
}
