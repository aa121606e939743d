/** Environment in which Deno finds no trusted authority. Deno reads it once, at the first use of TLS. */
const EMPTY_TRUST = {
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
  const before = Object.keys(EMPTY_TRUST).map((name) =>
    [name, Deno.env.get(name)] as const
  );
  for (const [name, value] of Object.entries(EMPTY_TRUST)) {
    Deno.env.set(name, value);
  }
  try {
    return await use();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}
