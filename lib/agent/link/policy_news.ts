import { decodeHex } from "@std/encoding/hex";
import {
  type AgentPolicy,
  createAgentPolicy,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { messageOf } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import { cutText } from "../../base/text.ts";
import type { PolicyFacts, PolicyGate } from "../policy/policy_gate.ts";
import type { AgentSession } from "./session.ts";

const log = logger("agent", "link");

/** Policy as a hello tells it. */
export function policyOf({ facts }: Pick<PolicyGate, "facts">): AgentPolicy {
  const { sha256, ...others } = fitting(facts);
  return createAgentPolicy({ ...others, sha256: decodeHex(sha256) });
}

/** Tells a Manager about a policy that has changed. One that does not know the request hears it in the next hello. */
export async function tellPolicy(
  session: AgentSession,
  { facts }: Pick<PolicyGate, "facts">,
): Promise<void> {
  if (!session.dialect.hasIdentities) return;
  try {
    await session.request("policy", JSON.stringify(fitting(facts)));
  } catch (error) {
    log.info("The Manager hears of the policy in the next hello: {error}", {
      error: messageOf(error),
    });
  }
}

function fitting(facts: PolicyFacts): PolicyFacts {
  return { ...facts, error: cutText(facts.error, Limits.policyError) };
}
