import type { AuditCheckpoint } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Checkpoint } from "../../base/checkpoint.ts";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { checkpointOf } from "../../wire/checkpoint.ts";
import type { Contradiction } from "../witness/witness_file.ts";
import type { Teller } from "../witness/witnesses.ts";
import type { KeyProof } from "./key_proof.ts";

const log = logger("agent", "link");

/** Keeps checkpoints of a Manager's audit. */
export interface Witness {
  /** Keeps one, and returns a contradiction that was not noticed before. Never rejects. */
  hear(told: Checkpoint, by: Teller): Promise<Contradiction | undefined>;
}

/** Keeps the checkpoint of a ServerHello, and tells the Manager if it contradicts an earlier one. Never rejects. */
export async function bearWitness(
  checkpoint: AuditCheckpoint,
  { session, witness, proof }: {
    readonly session: {
      readonly managerId: string;
      request(type: string, params: string): Promise<unknown>;
    };
    readonly witness: Witness;
    readonly proof: KeyProof | undefined;
  },
): Promise<void> {
  const { managerId } = session;
  const key = proof?.managerKey;
  const noticed = await witness.hear(checkpointOf(checkpoint), {
    managerId,
    key,
  });
  if (noticed === undefined) return;
  const { kept, told } = noticed;
  try {
    await session.request(
      "audit_contradiction",
      JSON.stringify({ kept: inShort(kept), told: inShort(told) }),
    );
  } catch (error) {
    log.info(
      "The Manager does not hear what is wrong with its audit: {error}",
      {
        error: messageOf(error),
      },
    );
  }
}

function inShort({ count, at }: Checkpoint): { count: string; at: number } {
  return { count: String(count), at };
}
