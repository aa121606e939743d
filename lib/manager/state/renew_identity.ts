import type { Clock } from "../../base/clock.ts";
import {
  readFile,
  readPrivateIfThere,
  writeFileAtomically,
} from "../../base/files.ts";
import type { Identity } from "../../base/pem.ts";
import type { Random } from "../../base/random.ts";
import {
  certificateExpiry,
  certificateNames,
  RENEW_BEFORE_MS,
  renewServerCertificate,
} from "./authority.ts";
import { identityOf, type ServerIdentity } from "./server_identity.ts";
import type { ManagerState } from "./state_folder.ts";

/** Parts of a state that the renewal of its certificate needs. */
type Renewed = Pick<ManagerState, "paths" | "server" | "authority">;

/** End of an attempt to renew a certificate. */
export type Renewal =
  | { readonly kind: "not due" }
  /** Certificate that is due while the key of the authority is kept elsewhere. */
  | { readonly kind: "no key" }
  | { readonly kind: "renewed"; readonly identity: ServerIdentity };

/**
 * Issues the server certificate anew, on the disk too if it is there, if less than 30 days of its validity are left, or if
 * it lacks a name that it needs.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the authority has expired; CORRUPT, DENIED, DISK
 */
export async function renewServerIdentity(
  state: Renewed,
  { clock, random, needed }: {
    clock: Clock;
    random: Random;
    /** Host name or IP address that it must have. */
    needed?: string | undefined;
  },
): Promise<Renewal> {
  const { paths, server } = state;
  const now = clock.now();
  const names = namesWith(server, needed);
  const lacks = names.length > certificateNames(server.certPem).length;
  if (!lacks && server.expiresAt - now >= RENEW_BEFORE_MS) {
    return { kind: "not due" };
  }
  const authorityPem = state.authority?.certPem ?? await readFile(paths.caCert);
  // A certificate cannot outlive its authority. Near the end of that, a new one would not last longer.
  if (!lacks && certificateExpiry(authorityPem) === server.expiresAt) {
    return { kind: "not due" };
  }
  const authority = state.authority ??
    await authorityWithKey(state, authorityPem);
  if (authority === undefined) return { kind: "no key" };
  const { certPem } = await renewServerCertificate(authority, server.certPem, {
    now,
    random,
    names: lacks ? names : undefined,
  });
  if (state.authority === undefined) {
    await writeFileAtomically(paths.serverCert, certPem, {
      mode: 0o644,
      random,
    });
  }
  return { kind: "renewed", identity: identityOf(certPem, server.keyPem) };
}

/** Names of a server's certificate, with one more that it needs. */
export function namesWith(
  { certPem }: Pick<ServerIdentity, "certPem">,
  needed: string | undefined,
): string[] {
  const names = certificateNames(certPem);
  return needed === undefined || names.includes(needed)
    ? names
    : [...names, needed];
}

async function authorityWithKey(
  { paths }: Renewed,
  certPem: string,
): Promise<Identity | undefined> {
  const keyPem = await readPrivateIfThere(paths.caKey);
  return keyPem === undefined ? undefined : { certPem, keyPem };
}
