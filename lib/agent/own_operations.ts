import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { agentRestart } from "../operations/agent_restart.ts";
import { agentTrust } from "../operations/agent_trust.ts";
import { checkParams } from "../operations/params.ts";
import { PiriError } from "../base/errors.ts";
import { fingerprint } from "../base/signing_key.ts";
import type { KeyProofs } from "./link/key_proofs.ts";
import type { OwnOperation } from "./own_work.ts";
import type { Restarts } from "./restart.ts";

/** Operations on the agent itself and its keys, by their names. */
export function ownOperations(
  keys: () => KeyProofs | undefined,
  restarts: Pick<Restarts, "ask">,
): ReadonlyMap<string, OwnOperation> {
  const own = (attempt: string): KeyProofs => {
    const found = keys();
    if (found !== undefined) return found;
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot ${attempt}: this agent has no key`,
    );
  };
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
  ]);
}

function noTrust(): PiriError {
  return new PiriError(
    "UNSUPPORTED",
    "Cannot trust other keys: this agent knows none",
  );
}
