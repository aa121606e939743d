import { withVariables } from "./variables.ts";

/**
 * Environment in which Deno finds no trusted authority. Deno reads it once, at the first use of TLS or of an HTTP client.
 */
export const EMPTY_TRUST = {
  DENO_TLS_CA_STORE: "system",
  SSL_CERT_FILE: Deno.build.os === "windows" ? "NUL" : "/dev/null",
  SSL_CERT_DIR: "/nonexistent",
};

let trustIsSettled = false;

/**
 * Runs the program's first use of TLS with no trusted authority but the given ones, and restores the environment:
 * children and their curl and git must not inherit an empty trust store.
 */
export async function trustingOnlyGiven<T>(use: () => Promise<T>): Promise<T> {
  if (trustIsSettled) return await use();
  trustIsSettled = true;
  using _environment = withVariables(EMPTY_TRUST);
  return await use();
}
