import { X509Certificate } from "node:crypto";
import { PiriError } from "../../base/errors.ts";
import { decodePem, encodePem } from "../../base/pem.ts";
import {
  certificateExpiry,
  certificateNames,
  isIssuedBy,
} from "./authority.ts";
import { identityOf, type ServerIdentity } from "./server_identity.ts";

/**
 * Checks a certificate that was issued elsewhere, and returns it with the server's key.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is not by this authority, not for this server, or has ended
 */
export function checkGivenCertificate(
  given: string,
  { server, authorityPem, names, now, which = "the authority in use" }: {
    readonly server: ServerIdentity;
    readonly authorityPem: string;
    /** Words for the authority. */
    readonly which?: string;
    /** Names that it must have. */
    readonly names: readonly string[];
    /** Milliseconds since 1970. */
    readonly now: number;
  },
): ServerIdentity {
  const certPem = wellFormed(given);
  if (!isIssuedBy(certPem, authorityPem)) {
    throw refuse(`it was not signed by ${which}`);
  }
  if (publicKeyOf(certPem) !== publicKeyOf(server.certPem)) {
    throw refuse("it is for another key than that of this server");
  }
  const found = certificateNames(certPem);
  const missing = names.find((name) => !found.includes(name));
  if (missing !== undefined) {
    throw refuse(`it lacks the name "${missing}"`);
  }
  if (certificateExpiry(certPem) <= now) throw refuse("it has ended");
  return identityOf(certPem, server.keyPem);
}

/** PEM of one certificate, without what may be around it. */
function wellFormed(given: string): string {
  try {
    const der = decodePem("CERTIFICATE", given);
    new X509Certificate(der);
    return encodePem("CERTIFICATE", der);
  } catch (cause) {
    throw refuse("it is not one in PEM", cause);
  }
}

function publicKeyOf(certPem: string): string {
  const { publicKey } = new X509Certificate(decodePem("CERTIFICATE", certPem));
  return publicKey.export({ type: "spki", format: "der" }).toString("hex");
}

function refuse(reason: string, cause?: unknown): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use the certificate: ${reason}`,
    { cause },
  );
}
