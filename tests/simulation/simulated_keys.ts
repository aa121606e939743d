import { hashSecret } from "../../lib/base/secret.ts";
import { newSigningKey, SigningKey } from "../../lib/base/signing_key.ts";
import type { ManagerProof } from "../../lib/manager/admission/challenge.ts";

/** Keys by the names of their owners. A copy of an agent has its key. */
const KEYS = new Map<string, SigningKey>();

/** Key of an agent or the Manager: the same in each run. */
export function keyOf(name: string): SigningKey {
  const known = KEYS.get(name);
  if (known !== undefined) return known;
  const key = new SigningKey(
    newSigningKey({
      bytes: () => hashSecret(`key of ${name}`),
      fraction: () => 0,
    }),
  );
  KEYS.set(name, key);
  return key;
}

/** Key of the simulated Manager, and what its agents verify beside it. */
export const SIMULATED_PROOF: ManagerProof = {
  key: keyOf("the Manager"),
  authority: hashSecret("the authority"),
  serverName: "mgr.piri.internal",
};
