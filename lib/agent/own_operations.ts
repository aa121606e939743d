import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { agentRestart } from "../operations/agent_restart.ts";
import { agentTrust } from "../operations/agent_trust.ts";
import { checkParams } from "../operations/params.ts";
import { PiriError } from "../base/errors.ts";
import { fingerprint } from "../base/signing_key.ts";
import type { KeyProofs } from "./link/key_proofs.ts";
import type { OwnOperation } from "./own_work.ts";
import { update, type UpdateRequest } from "./update/update_work.ts";
import type { UpdateParts } from "./update/update_parts.ts";
import type { Restarts } from "./restart.ts";
import { agentUpdate } from "../operations/agent_update.ts";
import type { WorkItem } from "./workers/workers.ts";

/** Command of an update in the journal, and the others beside it. */
export type UpdateCommand = Pick<UpdateRequest, "command" | "othersRunning">;

/** Means of the operations on an agent itself. */
export interface OwnMeans {
  readonly keys: () => KeyProofs | undefined;
  readonly restarts: Pick<Restarts, "ask">;
  /** Means of replacing itself; undefined if it cannot. */
  readonly update: UpdateParts | undefined;
  /** Finds the command of an item. */
  readonly commandOf: (item: WorkItem) => UpdateCommand | undefined;
}

/** Operations on an agent itself, by their names. */
export function ownOperations(
  { keys, restarts, update: parts, commandOf }: OwnMeans,
): ReadonlyMap<string, OwnOperation> {
  const own = (attempt: string): KeyProofs => {
    const found = keys();
    if (found !== undefined) return found;
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot ${attempt}: this agent has no key`,
    );
  };
  let updating: bigint | undefined;
  return new Map<string, OwnOperation>([
    ["agent.Restart", ({ commandId, params }) => {
      const { when, withinMs } = checkParams(agentRestart, params);
      restarts.ask({
        cause: `command ${commandId}`,
        when,
        withinMs,
        commandId,
      });
      return Promise.resolve({
        success: true,
        changed: true,
        message: when === "now"
          ? "it restarts now"
          : "it restarts as soon as no command runs",
      });
    }],
    ["agent.Rotate", async ({ commandId }) => {
      const publicKey = await own("rotate").rotate(commandId);
      return {
        success: true,
        changed: true,
        message: `the new key is ${
          fingerprint(publicKey)
        }; the one before is refused once the agent has connected with it`,
        data: { publicKey: encodeBase64(publicKey) },
      };
    }],
    ["agent.Trust", async ({ params }) => {
      const { trust } = own("trust other keys");
      if (trust === undefined) throw noTrust();
      const hashes = await trust.take(checkParams(agentTrust, params));
      return {
        success: true,
        changed: true,
        message: `it trusts ${hashes.length} keys`,
        data: { trust: hashes.map((hash) => encodeHex(hash)) },
      };
    }],
    ["agent.Update", async (item, { sink, signal }) => {
      const params = checkParams(agentUpdate, item.params);
      const found = commandOf(item);
      if (parts === undefined || found === undefined) {
        throw new PiriError(
          "UNSUPPORTED",
          "Cannot update: this agent cannot replace itself",
        );
      }
      if (updating !== undefined) {
        throw new PiriError(
          "FAILED_PRECONDITION",
          `Cannot update: command ${updating} updates this agent already; wait for its result`,
        );
      }
      const { request } = sink;
      const progress = sink.progress.bind(sink);
      updating = item.commandId;
      let isHandedOver = false;
      try {
        const outcome = await update(
          { params, ...found, request, progress, signal },
          parts,
        );
        isHandedOver = outcome.isHandedOver === true;
        return outcome;
      } finally {
        // From the switch on, no other may begin: this version is about to end.
        if (!isHandedOver) updating = undefined;
      }
    }],
  ]);
}

function noTrust(): PiriError {
  return new PiriError(
    "UNSUPPORTED",
    "Cannot trust other keys: this agent knows none",
  );
}
