import { X509Certificate } from "node:crypto";
import { PiriError } from "../../base/errors.ts";
import { decodePem, encodePem, type Identity } from "../../base/pem.ts";
import { sameHash } from "../../base/secret.ts";
import { certifiedKeyHash } from "../../base/signing_key.ts";
import { createAuthority, type IssueOptions } from "./authority.ts";
import { authorityOf, readAuthorityKey } from "./authority_key.ts";

/**
 * The authority of a key that was made elsewhere: with its certificate, or with a new one.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a key that is none or does not fit, and for a certificate that is no authority's
 */
export async function givenAuthority(
  keyPem: string,
  { certificate, now, random }: IssueOptions & {
    /** PEM. */
    readonly certificate: string | undefined;
  },
): Promise<Identity> {
  if (certificate !== undefined) {
    return authorityOf(checkGivenAuthority(certificate, { now }), keyPem);
  }
  const key = readAuthorityKey(keyPem);
  return await createAuthority({ now, random, key });
}

/**
 * Checks a certificate of an authority that was made elsewhere, and returns it without what may be around it.
 *
 * @throws {PiriError} INVALID_ARGUMENT if agents could not trust it, or it is of the authority in use
 */
export function checkGivenAuthority(
  given: string,
  { now, inUse }: {
    /** Milliseconds since 1970. */
    readonly now: number;
    /** SHA-256 of the public key of the authority that it is to replace. */
    readonly inUse?: Uint8Array | undefined;
  },
): string {
  const { der, certificate } = read(given);
  if (!certificate.ca || !certificate.verify(certificate.publicKey)) {
    throw refuse("it is not that of an authority, signed by its own key");
  }
  const { namedCurve } = certificate.publicKey.asymmetricKeyDetails ?? {};
  if (namedCurve !== "prime256v1") {
    throw refuse("its key is not on the curve P-256");
  }
  if (certificate.validFromDate.getTime() > now) {
    throw refuse("it is not valid yet");
  }
  if (certificate.validToDate.getTime() <= now) throw refuse("it has ended");
  if (inUse !== undefined && sameHash(certifiedKeyHash(der), inUse)) {
    throw refuse("its key is that of the authority in use");
  }
  return encodePem("CERTIFICATE", der);
}

function read(
  given: string,
): { der: Uint8Array<ArrayBuffer>; certificate: X509Certificate } {
  try {
    const der = decodePem("CERTIFICATE", given);
    return { der, certificate: new X509Certificate(der) };
  } catch (cause) {
    throw refuse("it is not one in PEM", cause);
  }
}

function refuse(reason: string, cause?: unknown): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use the authority's certificate: ${reason}`,
    { cause },
  );
}
