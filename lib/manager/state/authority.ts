import { X509Certificate } from "node:crypto";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../base/errors.ts";
import { decodePem, type Identity } from "../../base/pem.ts";
import type { Random } from "../../base/random.ts";
import { sha256 } from "../../base/sha256.ts";

/** Time and randomness for a certificate. Its keys always come from WebCrypto. */
export interface IssueOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly random: Random;
}

/** Private key of an authority. */
export interface AuthorityKey {
  /** PKCS #8, PEM. */
  readonly pem: string;
  /** Public half, DER. */
  readonly spki: Uint8Array<ArrayBuffer>;
}

const DAY_MS = 86_400_000;

/** Time by which a certificate is backdated, so that hosts whose clocks are behind accept a new one. */
const BACKDATED_MS = 3_600_000;

const AUTHORITY_LIFE_MS = 3_653 * DAY_MS;
const SERVER_LIFE_MS = 90 * DAY_MS;

/** Remaining time below which a server certificate is issued anew. */
export const RENEW_BEFORE_MS = 30 * DAY_MS;

/** Domain that is reserved for private use (ICANN, 2024): no public authority issues for it. */
const PRIVATE_DOMAIN = ".piri.internal";

/** Makes a name that only the own authority certifies. Agents verify it wherever they dial. */
export function newServerName(random: Random): string {
  return `${encodeHex(random.bytes(8))}${PRIVATE_DOMAIN}`;
}

/**
 * Makes the certificate authority of one Manager. Those that are made of the same key have the same name, so that who trusts
 * one trusts the others.
 */
export async function createAuthority(
  { now, random, key }: IssueOptions & {
    /** Key that was made elsewhere; a new one if absent. */
    readonly key?: AuthorityKey | undefined;
  },
): Promise<Identity> {
  const { createCertificate } = await x509();
  const id = key === undefined ? random.bytes(4) : sha256(key.spki);
  return await createCertificate({
    commonName: `Piri CA ${encodeHex(id).slice(0, 8)}`,
    keyPem: key?.pem,
    serial: serialOf(random),
    notBefore: now - BACKDATED_MS,
    notAfter: now + AUTHORITY_LIFE_MS,
  });
}

/**
 * Makes a Manager's server certificate.
 *
 * @param names Host names and IP addresses that agents dial, besides the server name.
 * @throws {PiriError} INVALID_ARGUMENT for a name that is neither
 */
export async function issueServerCertificate(
  authority: Identity,
  { serverName, names, now, random }: IssueOptions & {
    readonly serverName: string;
    readonly names: readonly string[];
  },
): Promise<Identity & { expiresAt: number }> {
  const { createCertificate } = await x509();
  const notAfter = serverExpiry(authority, now);
  const identity = await createCertificate({
    commonName: serverName,
    names: [...new Set([serverName, ...names])],
    issuer: authority,
    serial: serialOf(random),
    notBefore: now - BACKDATED_MS,
    notAfter,
  });
  return { ...identity, expiresAt: notAfter };
}

/**
 * Issues a server certificate anew: the same key, so that replacing one file is enough, and the same names unless others
 * are given.
 */
export async function renewServerCertificate(
  authority: Identity,
  certPem: string,
  { now, random, names }: IssueOptions & {
    readonly names?: readonly string[] | undefined;
  },
): Promise<{ certPem: string; expiresAt: number }> {
  const { reissueCertificate } = await x509();
  const notAfter = serverExpiry(authority, now);
  const renewed = await reissueCertificate(certPem, {
    issuer: authority,
    names,
    serial: serialOf(random),
    notBefore: now - BACKDATED_MS,
    notAfter,
  });
  return { certPem: renewed, expiresAt: notAfter };
}

/** True if a certificate was signed by the key of an authority. */
export function isIssuedBy(certPem: string, authorityPem: string): boolean {
  return read(certPem).verify(read(authorityPem).publicKey);
}

/** End of a certificate's validity, in milliseconds since 1970. */
export function certificateExpiry(certPem: string): number {
  return read(certPem).validToDate.getTime();
}

/** Host names and IP addresses of a certificate. */
export function certificateNames(certPem: string): string[] {
  return (read(certPem).subjectAltName ?? "").split(", ").flatMap((entry) => {
    const name = /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1];
    if (name === undefined) return [];
    // Node writes out all the zeros of an IPv6 address.
    return name.includes(":")
      ? new URL(`http://[${name}]`).hostname.slice(1, -1)
      : name;
  });
}

/**
 * The private name among a server certificate's names.
 *
 * @throws {PiriError} CORRUPT if it has none: Piri did not make it
 */
export function serverNameOf(certPem: string): string {
  for (const name of (read(certPem).subjectAltName ?? "").split(", ")) {
    if (name.startsWith("DNS:") && name.endsWith(PRIVATE_DOMAIN)) {
      return name.slice("DNS:".length);
    }
  }
  throw new PiriError(
    "CORRUPT",
    `Cannot use the server certificate: it has no name under ${
      PRIVATE_DOMAIN.slice(1)
    }`,
  );
}

/** End of a server certificate that is made now: at most the end of its authority. */
function serverExpiry(authority: Identity, now: number): number {
  const most = certificateExpiry(authority.certPem);
  if (now >= most) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot issue a server certificate: the authority's own has expired",
    );
  }
  const expiry = Math.min(now + SERVER_LIFE_MS, most);
  // Certificates have whole seconds only.
  return expiry - expiry % 1_000;
}

function read(certPem: string): X509Certificate {
  const der = decodePem("CERTIFICATE", certPem);
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new PiriError(
      "CORRUPT",
      "Cannot read a certificate: it is not X.509",
      {
        cause,
      },
    );
  }
}

/** Serial number of 127 random bits, positive and always of the same length (RFC 5280 section 4.1.2.2). */
function serialOf(random: Random): Uint8Array<ArrayBuffer> {
  const serial = random.bytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}

/** Loads the certificate code when a certificate is made: its libraries take 25 ms and more to load. */
function x509(): Promise<typeof import("./x509.ts")> {
  return import("./x509.ts");
}
