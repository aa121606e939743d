import type { Asker } from "../../base/asker.ts";

/** Key of a Manager that can be rotated: its authority, which certifies it, or its own. */
export type KeyKind = "authority" | "manager";

/** Key of a Manager, and the one that is to replace it. */
export interface KeyView {
  /** The key in use, as `SHA256:...`. */
  readonly fingerprint: string;
  /** End of its certificate, in milliseconds since 1970; undefined for a key without one. */
  readonly expiresAt: number | undefined;
  /** The key that replaces it when the rotation is finished; undefined without a rotation. */
  readonly nextFingerprint: string | undefined;
  /** Number of agents that trust the next key. */
  readonly trustedBy: number;
  /** Names of the agents that do not trust the next key, as far as is known. */
  readonly missing: readonly string[];
}

/** Certificate of the server, for those who issue it anew elsewhere. */
export interface CertificateView {
  /** The certificate in use, PEM. */
  readonly certPem: string;
  /** The authority in use, PEM. */
  readonly authorityPem: string;
  /** The authority that is to replace it, PEM; undefined without a rotation. */
  readonly nextAuthorityPem: string | undefined;
  /** Host names and IP addresses that it should have. */
  readonly names: readonly string[];
}

/** Keys of the Manager that its agents trust. */
export interface KeysAdmin {
  /** Both keys, and how far their rotations are. */
  view(): Promise<Readonly<Record<KeyKind, KeyView>>>;
  /**
   * Makes a key that is to replace another, and tells it to the agents: those that are away when they come back.
   *
   * @param kind The key.
   * @param asker Who asks.
   * @param given Certificate of an authority, PEM, whose key is kept elsewhere; a new authority is made without one.
   * @throws {PiriError} FAILED_PRECONDITION if a rotation of it is under way, or the keys are not in a folder;
   * INVALID_ARGUMENT for a certificate that agents could not trust; DISK
   */
  start(kind: KeyKind, asker?: Asker, given?: string): Promise<KeyView>;
  /**
   * Takes the next key into use, and gives the old one up.
   *
   * @param kind The key.
   * @param without Names of agents to leave behind: they cannot connect until they join again.
   * @param asker Who asks.
   * @param given Certificate of the server by the next authority, PEM: needed if the key of that is kept elsewhere.
   * @returns The key, and the agents that were left behind.
   * @throws {PiriError} FAILED_PRECONDITION if there is no rotation, or another agent does not trust the next key;
   * NOT_FOUND for a name in `without` that is none; INVALID_ARGUMENT for a certificate that does not fit; DISK
   */
  finish(
    kind: KeyKind,
    without: readonly string[],
    asker?: Asker,
    given?: string,
  ): Promise<{ key: KeyView; leftBehind: readonly string[] }>;
  /** True if the private key of the authority is where this Manager runs. */
  hasAuthorityKey(): Promise<boolean>;
  /** True if that of the next authority is there; false without a rotation. */
  hasNextAuthorityKey(): Promise<boolean>;
  /**
   * The certificate of the server.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the keys are not in a folder; DISK
   */
  certificate(): Promise<CertificateView>;
  /**
   * Shows a certificate that was issued elsewhere. Connections stay.
   *
   * @returns the end of its validity, in milliseconds since 1970
   * @throws {PiriError} INVALID_ARGUMENT for one that is not by the authority in use, or not for this server;
   * FAILED_PRECONDITION if the keys are not in a folder; DISK
   */
  replaceCertificate(certPem: string, asker?: Asker): Promise<number>;
}
