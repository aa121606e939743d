/** Files in which systems keep the authorities that they trust, as Go looks for them. */
const FILES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/**
 * Authorities of public servers, PEM each: those of the system's file, if it has one, and those of Mozilla, which Deno
 * brings.
 */
export async function publicAuthorities(
  env: (name: string) => string | undefined,
): Promise<string[]> {
  const { rootCertificates } = await import("node:tls");
  const given = env("SSL_CERT_FILE") ?? "";
  const system = await firstOf(given === "" ? FILES : [given]);
  return [...system === undefined ? [] : [system], ...rootCertificates];
}

/** Content of the first file that can be read. */
async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      return await Deno.readTextFile(path);
    } catch {
      // The next one may be there.
    }
  }
  return undefined;
}
