import { createPublicKey } from "node:crypto";
import * as asn1js from "asn1js";
import * as pkijs from "pkijs";
import { isHostName } from "../../base/address.ts";
import { PiriError } from "../../base/errors.ts";
import { parseIp } from "../../base/ip.ts";
import { decodePem, encodePem } from "../../base/pem.ts";
import type { Identity } from "../../base/pem.ts";

/** Object identifiers of RFC 5280. */
const Oid = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

/** Tags of GeneralName: RFC 5280 section 4.2.1.6. */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const HASH = "SHA-256";

interface Validity {
  /** Authority that signs; undefined for a certificate that signs itself. */
  readonly issuer?: Identity;
  readonly serial: Uint8Array<ArrayBuffer>;
  readonly notBefore: number;
  readonly notAfter: number;
}

/**
 * Makes a certificate, and a key unless one is given: a server's if there is an issuer, otherwise an authority's, signed by
 * itself.
 */
export async function createCertificate(
  { commonName, names = [], issuer, keyPem, ...validity }: Validity & {
    readonly commonName: string;
    readonly names?: readonly string[];
    readonly keyPem?: string | undefined;
  },
): Promise<Identity> {
  const keys = keyPem === undefined
    ? await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])
    : await keysOf(keyPem);
  const certificate = new pkijs.Certificate({ version: 2 });
  certificate.subject.typesAndValues.push(
    new pkijs.AttributeTypeAndValue({
      type: Oid.commonName,
      value: new asn1js.Utf8String({ value: commonName }),
    }),
  );
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  const keyId = await keyIdOf(certificate);
  certificate.extensions = issuer === undefined
    ? authorityExtensions(keyId)
    : serverExtensions(keyId, names);
  const certPem = await sign(certificate, {
    ...validity,
    ...await signerOf(issuer, { certificate, key: keys.privateKey }),
  });
  if (keyPem !== undefined) return { certPem, keyPem };
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { certPem, keyPem: encodePem("PRIVATE KEY", new Uint8Array(key)) };
}

async function keysOf(
  keyPem: string,
): Promise<Pick<CryptoKeyPair, "privateKey" | "publicKey">> {
  const publicKey = createPublicKey(keyPem);
  return {
    privateKey: await importKey(keyPem),
    publicKey: await crypto.subtle.importKey(
      "spki",
      new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
      ALGORITHM,
      true,
      ["verify"],
    ),
  };
}

/** Issues a certificate again for the same key, with another validity, and with other names if there are any. */
export async function reissueCertificate(
  certPem: string,
  { issuer, names, ...validity }: Validity & {
    readonly issuer: Identity;
    readonly names?: readonly string[] | undefined;
  },
): Promise<string> {
  const certificate = parse(certPem);
  const kept =
    certificate.extensions?.filter(({ extnID }) =>
      extnID !== Oid.authorityKeyIdentifier
    ) ?? [];
  certificate.extensions = names === undefined ? kept : [
    ...kept.filter(({ extnID }) => extnID !== Oid.subjectAltName),
    namesExtension(names),
  ];
  return await sign(certificate, {
    ...validity,
    issuer: parse(issuer.certPem),
    key: await importKey(issuer.keyPem),
  });
}

interface Signing extends Omit<Validity, "issuer"> {
  readonly issuer: pkijs.Certificate;
  readonly key: CryptoKey;
}

async function signerOf(
  issuer: Identity | undefined,
  self: { certificate: pkijs.Certificate; key: CryptoKey },
): Promise<Pick<Signing, "issuer" | "key">> {
  if (issuer === undefined) return { issuer: self.certificate, key: self.key };
  return {
    issuer: parse(issuer.certPem),
    key: await importKey(issuer.keyPem),
  };
}

async function sign(
  certificate: pkijs.Certificate,
  { issuer, key, serial, notBefore, notAfter }: Signing,
): Promise<string> {
  certificate.serialNumber = new asn1js.Integer({ valueHex: serial.buffer });
  certificate.issuer = issuer.subject;
  certificate.notBefore = timeOf(notBefore);
  certificate.notAfter = timeOf(notAfter);
  const authorityKeyId = new pkijs.AuthorityKeyIdentifier({
    keyIdentifier: new asn1js.OctetString({ valueHex: await keyIdOf(issuer) }),
  });
  certificate.extensions?.push(
    extension(Oid.authorityKeyIdentifier, authorityKeyId.toSchema()),
  );
  await certificate.sign(key, HASH);
  const der = certificate.toSchema(true).toBER();
  return encodePem("CERTIFICATE", new Uint8Array(der));
}

function authorityExtensions(keyId: ArrayBuffer): pkijs.Extension[] {
  const constraints = new pkijs.BasicConstraints({
    cA: true,
    pathLenConstraint: 0,
  });
  return [
    extension(Oid.basicConstraints, constraints.toSchema(), { critical: true }),
    // keyCertSign and cRLSign: bits 5 and 6.
    extension(Oid.keyUsage, bits(0b0000_0110, 1), { critical: true }),
    extension(
      Oid.subjectKeyIdentifier,
      new asn1js.OctetString({ valueHex: keyId }),
    ),
  ];
}

function serverExtensions(
  keyId: ArrayBuffer,
  names: readonly string[],
): pkijs.Extension[] {
  const usages = new pkijs.ExtKeyUsage({ keyPurposes: [Oid.serverAuth] });
  return [
    extension(Oid.basicConstraints, new pkijs.BasicConstraints().toSchema(), {
      critical: true,
    }),
    // digitalSignature: bit 0.
    extension(Oid.keyUsage, bits(0b1000_0000, 7), { critical: true }),
    extension(Oid.extKeyUsage, usages.toSchema()),
    namesExtension(names),
    extension(
      Oid.subjectKeyIdentifier,
      new asn1js.OctetString({ valueHex: keyId }),
    ),
  ];
}

function namesExtension(names: readonly string[]): pkijs.Extension {
  const altNames = new pkijs.GeneralNames({ names: names.map(generalName) });
  return extension(Oid.subjectAltName, altNames.toSchema());
}

function extension(
  extnID: string,
  value: asn1js.BaseBlock,
  { critical = false }: { critical?: boolean } = {},
): pkijs.Extension {
  return new pkijs.Extension({ extnID, critical, extnValue: value.toBER() });
}

function bits(byte: number, unusedBits: number): asn1js.BitString {
  return new asn1js.BitString({
    valueHex: new Uint8Array([byte]).buffer,
    unusedBits,
  });
}

function generalName(name: string): pkijs.GeneralName {
  const ip = parseIp(name);
  if (ip !== undefined) {
    return new pkijs.GeneralName({
      type: IP_ADDRESS,
      value: new asn1js.OctetString({ valueHex: ip.buffer }),
    });
  }
  if (isHostName(name)) {
    return new pkijs.GeneralName({
      type: DNS_NAME,
      value: name.replace(/\.$/, ""),
    });
  }
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot certify "${name}": it is neither a host name nor an IP address`,
  );
}

/** Encodes a time in whole seconds, with a two-digit year up to 2049: RFC 5280 section 4.1.2.5. */
function timeOf(ms: number): pkijs.Time {
  const value = new Date(Math.floor(ms / 1000) * 1000);
  return new pkijs.Time({
    type: value.getUTCFullYear() < 2050 ? 0 : 1,
    value,
  });
}

/** Identifier of a key: the leftmost 160 bits of its SHA-256 (RFC 7093 section 2, method 1). */
async function keyIdOf(certificate: pkijs.Certificate): Promise<ArrayBuffer> {
  const { valueHexView } =
    certificate.subjectPublicKeyInfo.subjectPublicKey.valueBlock;
  const hash = await crypto.subtle.digest(HASH, new Uint8Array(valueHexView));
  return hash.slice(0, 20);
}

function parse(certPem: string): pkijs.Certificate {
  return pkijs.Certificate.fromBER(decodePem("CERTIFICATE", certPem));
}

async function importKey(keyPem: string): Promise<CryptoKey> {
  const der = decodePem("PRIVATE KEY", keyPem);
  try {
    return await crypto.subtle.importKey("pkcs8", der, ALGORITHM, false, [
      "sign",
    ]);
  } catch (cause) {
    throw new PiriError(
      "CORRUPT",
      "Cannot read the authority's key: it is not P-256 in PKCS #8",
      { cause },
    );
  }
}
