import { messageOf } from "../../base/errors.ts";
import { checkSecret } from "../../base/masking/secret_text.ts";
import type { StateSecret } from "../../states/compile_input.ts";
import { isFor, type SecretAgent } from "./secret_audience.ts";
import type { SecretFiles } from "./secret_files.ts";
import type { StoredSecret } from "./stored_secrets.ts";

/**
 * Secrets that states of an agent can name, by their names: the keyed hash of the value of each, or the reason for which
 * it cannot be used. Those of its layers are for it, unless they are for other targets.
 */
export async function stateSecrets(
  files: Pick<SecretFiles, "of" | "macOf">,
  agent: SecretAgent,
): Promise<ReadonlyMap<string, StateSecret>> {
  const found = new Map<string, StateSecret>();
  for (const [name, secret] of await files.of(agent)) {
    const refusal = refusalOf(name, secret, agent);
    found.set(
      name,
      refusal === undefined
        ? await files.macOf(name, secret.value)
        : { refusal },
    );
  }
  return found;
}

function refusalOf(
  name: string,
  { value, forTargets }: StoredSecret,
  agent: SecretAgent,
): string | undefined {
  // Whoever plans reads it, and is not to learn whom the secret is for.
  if (forTargets !== "" && !isFor(forTargets, agent)) {
    return `the secret "${name}" is not for this agent`;
  }
  try {
    // SOPS takes any.
    checkSecret(value.open(), `the secret "${name}"`);
  } catch (error) {
    return messageOf(error);
  }
  return undefined;
}
