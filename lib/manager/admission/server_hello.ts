import {
  createServerHello,
  type ResumeFrom,
  type ServerHello,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Checkpoint } from "../../base/checkpoint.ts";
import { VERSION } from "../../base/version.ts";
import { checkpointMessage } from "../../wire/checkpoint.ts";
import { PROOF } from "../../wire/proof.ts";
import type { AdmittedAgent } from "./admitted_agent.ts";

/** Answer to the hello of an agent that is admitted. A legacy agent is told nothing but the version. */
export function serverHello(
  { dialect, features, reconnectWindowMs }: Pick<
    AdmittedAgent,
    "dialect" | "features" | "reconnectWindowMs"
  >,
  { checkpoint, ...told }: {
    readonly managerId: string;
    readonly pingIntervalMs: number;
    /** Name of the agent, if it is another than the one in its hello. */
    readonly name: string;
    readonly resume: ResumeFrom[];
    /** Ids of commands that must not begin. */
    readonly cancelled: bigint[];
    readonly checkpoint: Checkpoint | undefined;
  },
): ServerHello {
  if (!dialect.hasIdentities) return createServerHello({ version: 1 });
  // Only who proved the keys of both sides can verify a checkpoint.
  const isTold = features.has(PROOF) && checkpoint !== undefined;
  return createServerHello({
    version: 1,
    features: [...features],
    managerVersion: VERSION,
    ...told,
    reconnectWindowMs,
    ...isTold ? { checkpoint: checkpointMessage(checkpoint) } : {},
  });
}
