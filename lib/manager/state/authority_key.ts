import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { dirname, resolve } from "@std/path";
import { ageFormOf } from "../../base/age_form.ts";
import { PiriError } from "../../base/errors.ts";
import {
  diskError,
  exists,
  readFile,
  readPrivateIfThere,
  removeIfThere,
  syncFolder,
  writeFileAtomically,
} from "../../base/files.ts";
import { decodePem, type Identity } from "../../base/pem.ts";
import type { Random } from "../../base/random.ts";
import type { AuthorityKey } from "./authority.ts";
import type { StatePaths } from "./state_paths.ts";

const ENCRYPTED_PEM = /ENCRYPTED/;

/** Curve of the keys of authorities, as OpenSSL calls P-256. */
const CURVE = "prime256v1";

/**
 * Writes the key of the authority to a file, and takes it away from the folder if that is wanted: then the Manager cannot
 * issue certificates by itself.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it is not there, or a rotation is under way; INVALID_ARGUMENT; DISK, DENIED:
 * then nothing is removed
 */
export async function exportAuthorityKey(
  paths: StatePaths,
  { to, recipients, remove, random }: {
    /** A file outside of the folder that does not exist. */
    readonly to: string;
    /** Public keys of age to encrypt it for; none for PEM. */
    readonly recipients: readonly string[];
    readonly remove: boolean;
    readonly random: Random;
  },
): Promise<void> {
  if (await exists(paths.nextCaCert)) {
    throw refuse(
      "a rotation of the authority is under way; finish it, and export the new key",
    );
  }
  const keyPem = await requireAuthorityKey(paths, "it was exported before");
  authorityOf(await readFile(paths.caCert), keyPem);
  await requireOutside(paths.dir, to);
  const text = recipients.length === 0
    ? keyPem
    : await encryptFor(recipients, keyPem);
  await writeFileAtomically(to, text, { random });
  if (await readFile(to) !== text) {
    throw new PiriError(
      "DISK",
      `Cannot export the authority's key: "${to}" has not what was written; ca.key stays`,
    );
  }
  if (!remove) return;
  await removeIfThere(paths.caKey);
  await syncFolder(paths.dir);
}

/**
 * Reads the key of the authority from its folder.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it is not there; DENIED if others may read it; DISK
 */
export async function requireAuthorityKey(
  { caKey }: Pick<StatePaths, "caKey">,
  hint: string,
): Promise<string> {
  const keyPem = await readPrivateIfThere(caKey);
  if (keyPem !== undefined) return keyPem;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot find the authority's key: there is no "${caKey}"; if it is kept elsewhere, ${hint}`,
  );
}

/**
 * The authority with a key that was kept elsewhere.
 *
 * @throws {PiriError} INVALID_ARGUMENT if the key is none, or is that of another authority
 */
export function authorityOf(certPem: string, keyPem: string): Identity {
  const { pem, spki } = readAuthorityKey(keyPem);
  if (!isKeyOf(certPem, spki)) {
    throw refuseKey("it belongs to another authority");
  }
  return { certPem, keyPem: pem };
}

/**
 * Reads the key of an authority, in PKCS #8 or as OpenSSL writes it.
 *
 * @throws {PiriError} INVALID_ARGUMENT if it is none
 */
export function readAuthorityKey(keyPem: string): AuthorityKey {
  if (ageFormOf(keyPem) !== undefined) {
    throw refuseKey("it is encrypted by age; give its text decrypted");
  }
  if (ENCRYPTED_PEM.test(keyPem)) {
    throw refuseKey("it is encrypted in PEM; only age's encryption is known");
  }
  const key = privateKeyOf(keyPem);
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  if (key.asymmetricKeyDetails?.namedCurve !== CURVE) {
    throw refuseKey(
      `it is of another kind (${key.asymmetricKeyType}); an authority has a key on the curve P-256`,
    );
  }
  return {
    pem: key.export({ type: "pkcs8", format: "pem" }).toString(),
    spki: new Uint8Array(spki),
  };
}

/** True if a public key, as DER, is that of a certificate. */
export function isKeyOf(certPem: string, spki: Uint8Array): boolean {
  const { publicKey } = new X509Certificate(decodePem("CERTIFICATE", certPem));
  return publicKey.export({ type: "spki", format: "der" }).equals(spki);
}

function privateKeyOf(keyPem: string): KeyObject {
  try {
    return createPrivateKey(keyPem);
  } catch (cause) {
    // The cause does not repeat the key.
    throw refuseKey("it is no private key in PEM", cause);
  }
}

/** Demands a new file that is not in the folder, where it would be in each of its backups. */
async function requireOutside(dir: string, to: string): Promise<void> {
  if (await exists(to)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot export the authority's key to "${to}": there is such a file`,
    );
  }
  let folder: string;
  try {
    folder = await Deno.realPath(dirname(resolve(to)));
  } catch (error) {
    throw diskError(`write "${to}"`, error);
  }
  const own = await Deno.realPath(dir);
  const within = folder === own || folder.startsWith(`${own}/`) ||
    folder.startsWith(`${own}\\`);
  if (!within) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot export the authority's key to "${to}": that is in the Manager's folder; name a file elsewhere`,
  );
}

async function encryptFor(
  recipients: readonly string[],
  text: string,
): Promise<string> {
  const { armor, Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot encrypt for "${recipient}": it is no public key of age, as age-keygen prints it`,
        { cause },
      );
    }
  }
  return armor.encode(await encrypter.encrypt(text));
}

function refuse(reason: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot export the authority's key: ${reason}`,
  );
}

function refuseKey(reason: string, cause?: unknown): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use the authority's key: ${reason}`,
    { cause },
  );
}
