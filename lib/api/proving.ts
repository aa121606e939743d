import { join } from "@std/path";
import type { IdentityService } from "../../proto/gen/piri/control/v1/control_messages.ts";
import { CALLS } from "./calls.ts";
import { PROOF_HEADER, PROOF_MODE, PROOF_NAME } from "./proof_files.ts";
import type { RpcLink } from "./rpc_client.ts";
import type { ServiceClient } from "../protobuf/rpc_service.ts";

/** Parts of a proof. */
export interface ProvingOptions {
  /** Folder of the proofs beside the socket. */
  readonly folder: string;
  readonly identity: ServiceClient<typeof IdentityService>;
  /** User who called sudo or doas, as the environment says; empty if there is none. */
  readonly sudoUser: string;
}

/** Proves who asks, in each call that changes something. A proof that cannot be made is left out. */
export function proving(
  options: ProvingOptions,
): NonNullable<RpcLink["prove"]> {
  return async (call, signal) => {
    const row = CALLS[call];
    // Only these are worth another round trip to say who asks.
    const isProven = row === undefined || row.changes || row.asksWho === true;
    if (!isProven) return undefined;
    const proof = await makeProof(options, signal);
    if (proof === undefined) return undefined;
    return {
      header: [PROOF_HEADER, proof.name],
      async [Symbol.asyncDispose]() {
        // The Manager has removed it, unless it was never asked.
        await Deno.remove(proof.path).catch(() => {});
      },
    };
  };
}

async function makeProof(
  { folder, identity, sudoUser }: ProvingOptions,
  signal: AbortSignal,
): Promise<{ name: string; path: string } | undefined> {
  try {
    const { name } = await identity.newProof({ sudoUser }, { signal });
    // The Manager chooses the name, and nothing but the name.
    if (!PROOF_NAME.test(name)) return undefined;
    if (!(await Deno.lstat(folder)).isDirectory) return undefined;
    const path = join(folder, name);
    const file = await Deno.open(path, {
      write: true,
      createNew: true,
      mode: PROOF_MODE,
    });
    file.close();
    return { name, path };
  } catch {
    // An older Manager, a full disk, or a connection whose end the call itself reports.
    return undefined;
  }
}
