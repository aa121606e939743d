import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import {
  exists,
  PRIVATE_FILE,
  readFile,
  readIfThere,
  readPrivateFile,
  readPrivateIfThere,
  removeIfThere,
  renameFile,
  writeFileAtomically,
} from "../../base/files.ts";
import { decodePem, type Identity } from "../../base/pem.ts";
import type { Random } from "../../base/random.ts";
import {
  certifiedKeyHash,
  newSigningKey,
  SigningKey,
} from "../../base/signing_key.ts";
import type { KeptAuthority } from "../keys/rotating_keys.ts";
import {
  certificateExpiry,
  createAuthority,
  isIssuedBy,
  renewServerCertificate,
} from "./authority.ts";
import { isKeyOf, readAuthorityKey } from "./authority_key.ts";
import type { ServerIdentity } from "./server_identity.ts";
import { identityOf } from "./server_identity.ts";
import type { StatePaths } from "./state_paths.ts";

/** Keys of a Manager on the disk that agents trust, and those that are to replace them. */
export class KeyRing {
  readonly #paths: StatePaths;
  readonly #clock: Clock;
  readonly #random: Random;
  #authority: KeptAuthority;
  #nextAuthority: KeptAuthority | undefined;
  #managerKey: SigningKey;
  #nextManagerKey: SigningKey | undefined;
  /** Number of the newest statement; 0 before the first rotation. */
  #number: number;

  /**
   * Reads the keys of a state folder.
   *
   * @throws {PiriError} CORRUPT, DENIED, DISK
   */
  static async open(
    paths: StatePaths,
    options: { readonly clock: Clock; readonly random: Random },
  ): Promise<KeyRing> {
    return new KeyRing(paths, {
      ...options,
      authority: await readFile(paths.caCert),
      nextAuthority: await readIfThere(paths.nextCaCert),
      managerKey: await readPrivateFile(paths.managerKey),
      nextManagerKey: await readPrivateIfThere(paths.nextManagerKey),
      number: Number(await readIfThere(paths.trustNumber) ?? 0),
    });
  }

  private constructor(
    paths: StatePaths,
    parts: {
      readonly clock: Clock;
      readonly random: Random;
      readonly authority: string;
      readonly nextAuthority: string | undefined;
      readonly managerKey: string;
      readonly nextManagerKey: string | undefined;
      readonly number: number;
    },
  ) {
    const { nextAuthority, nextManagerKey } = parts;
    this.#paths = paths;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#authority = authorityOf(parts.authority);
    this.#nextAuthority = nextAuthority === undefined
      ? undefined
      : authorityOf(nextAuthority);
    this.#managerKey = new SigningKey(parts.managerKey);
    this.#nextManagerKey = nextManagerKey === undefined
      ? undefined
      : new SigningKey(nextManagerKey);
    this.#number = parts.number;
  }

  get authority(): KeptAuthority {
    return this.#authority;
  }

  get nextAuthority(): KeptAuthority | undefined {
    return this.#nextAuthority;
  }

  get managerKey(): SigningKey {
    return this.#managerKey;
  }

  get nextManagerKey(): SigningKey | undefined {
    return this.#nextManagerKey;
  }

  /** Number of the newest statement about these keys; 0 if agents need none. */
  get number(): number {
    return this.#number;
  }

  /**
   * Makes the authority that replaces the other.
   *
   * @param given Certificate of one whose key is kept elsewhere, PEM.
   * @throws {PiriError} DISK
   */
  async startAuthority(given?: string): Promise<void> {
    const { nextCaCert, nextCaKey } = this.#paths;
    const { certPem, keyPem } = given === undefined
      ? await createAuthority({
        now: this.#clock.now(),
        random: this.#random,
      })
      : { certPem: given, keyPem: undefined };
    // The certificate last: without it, there is no rotation.
    if (keyPem !== undefined) await this.#write(nextCaKey, keyPem);
    // Of a start that did not come to its certificate.
    else await removeIfThere(nextCaKey);
    await this.#nextNumber();
    await this.#write(nextCaCert, certPem, 0o644);
    this.#nextAuthority = authorityOf(certPem);
  }

  /**
   * Makes the key that replaces the Manager's.
   *
   * @throws {PiriError} DISK
   */
  async startManagerKey(): Promise<void> {
    const pem = newSigningKey(this.#random);
    await this.#nextNumber();
    await this.#write(this.#paths.nextManagerKey, pem);
    this.#nextManagerKey = new SigningKey(pem);
  }

  /**
   * Replaces the authority, and returns the server's identity by the new one. A crash in between is repaired by
   * `settleAuthority`: once server.pem is by the new authority, the rotation goes to its end.
   *
   * @param server The server's identity by the old authority.
   * @param given One by the new authority that was checked; issued here if absent.
   * @throws {PiriError} DISK
   */
  async finishAuthority(
    server: ServerIdentity,
    given?: ServerIdentity,
  ): Promise<ServerIdentity> {
    const next = this.#nextAuthority;
    if (next === undefined) throw new Error("no authority is to replace it");
    const certPem = given?.certPem ?? await this.#issueByNext(server);
    await this.#nextNumber();
    await this.#write(this.#paths.serverCert, certPem, 0o644);
    await settleAuthority(this.#paths);
    this.#authority = next;
    this.#nextAuthority = undefined;
    return identityOf(certPem, server.keyPem);
  }

  /**
   * Replaces the Manager's key.
   *
   * @throws {PiriError} DISK
   */
  async finishManagerKey(): Promise<void> {
    const next = this.#nextManagerKey;
    if (next === undefined) throw new Error("no key is to replace it");
    const { nextManagerKey, managerKey } = this.#paths;
    await this.#nextNumber();
    await renameFile(nextManagerKey, managerKey);
    this.#managerKey = next;
    this.#nextManagerKey = undefined;
  }

  /** True if the private key of the authority in use is in the folder. */
  hasAuthorityKey(): Promise<boolean> {
    return exists(this.#paths.caKey);
  }

  /** True if that of the authority that is to replace it is there, too. */
  hasNextAuthorityKey(): Promise<boolean> {
    return exists(this.#paths.nextCaKey);
  }

  /**
   * Certificate of the authority that is to replace the other, PEM; undefined without a rotation.
   *
   * @throws {PiriError} DISK
   */
  nextAuthorityPem(): Promise<string | undefined> {
    return readIfThere(this.#paths.nextCaCert);
  }

  /**
   * Certificate of the authority in use, PEM.
   *
   * @throws {PiriError} DISK
   */
  authorityPem(): Promise<string> {
    return readFile(this.#paths.caCert);
  }

  /**
   * Keeps a certificate of the server that was checked.
   *
   * @throws {PiriError} DISK
   */
  async keepCertificate(certPem: string): Promise<void> {
    await this.#write(this.#paths.serverCert, certPem, 0o644);
  }

  async #issueByNext({ certPem }: ServerIdentity): Promise<string> {
    const issuer: Identity = {
      certPem: await readFile(this.#paths.nextCaCert),
      keyPem: await readPrivateFile(this.#paths.nextCaKey),
    };
    const renewed = await renewServerCertificate(issuer, certPem, {
      now: this.#clock.now(),
      random: this.#random,
    });
    return renewed.certPem;
  }

  /** Takes the next number: above the last one, and above those of a Manager that was put back from a backup. */
  async #nextNumber(): Promise<void> {
    const number = Math.max(this.#number + 1, Math.round(this.#clock.now()));
    await this.#write(this.#paths.trustNumber, `${number}\n`);
    this.#number = number;
  }

  #write(path: string, text: string, mode = PRIVATE_FILE): Promise<void> {
    return writeFileAtomically(path, text, { mode, random: this.#random });
  }
}

/**
 * Finishes a rotation of the authority that was under way when the Manager died: if the server's certificate is by the
 * next authority already. Returns true if anything has changed.
 *
 * @throws {PiriError} DISK, CORRUPT
 */
export async function settleAuthority(paths: StatePaths): Promise<boolean> {
  const { caCert, caKey, nextCaCert, nextCaKey, serverCert } = paths;
  if (!await exists(nextCaCert)) return false;
  if (!isIssuedBy(await readFile(serverCert), await readFile(nextCaCert))) {
    return false;
  }
  if (await exists(nextCaKey)) await renameFile(nextCaKey, caKey);
  else await removeOldKey(caKey, await readFile(nextCaCert));
  await renameFile(nextCaCert, caCert);
  return true;
}

/** Removes the key in use unless it is that of the next authority already: then the key of that is kept elsewhere. */
async function removeOldKey(path: string, nextCert: string): Promise<void> {
  const keyPem = await readPrivateIfThere(path);
  if (keyPem === undefined) return;
  const { spki } = readAuthorityKey(keyPem);
  if (!isKeyOf(nextCert, spki)) await removeIfThere(path);
}

function authorityOf(certPem: string): KeptAuthority {
  const certificate = decodePem("CERTIFICATE", certPem);
  try {
    return {
      certificate,
      hash: certifiedKeyHash(certificate),
      expiresAt: certificateExpiry(certPem),
    };
  } catch (cause) {
    throw new PiriError(
      "CORRUPT",
      "Cannot read the authority's certificate: it is damaged",
      { cause },
    );
  }
}
