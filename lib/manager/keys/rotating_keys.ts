import { sha256 } from "../../base/sha256.ts";
import type { SigningKey } from "../../base/signing_key.ts";
import type { TrustStatement } from "../../wire/trust.ts";
import type { CertificateView, KeyKind } from "../api/keys_api.ts";

/** Certificate of an authority, with what is read from it. */
export interface KeptAuthority {
  /** DER. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** SHA-256 of its public key. */
  readonly hash: Uint8Array<ArrayBuffer>;
  /** End of its validity, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Keys on the disk. Each change is durable when its call returns. */
export interface RotatingKeys {
  readonly authority: KeptAuthority;
  readonly nextAuthority: KeptAuthority | undefined;
  readonly managerKey: SigningKey;
  readonly nextManagerKey: SigningKey | undefined;
  /** Number of the newest statement about these keys; 0 if agents need none. */
  readonly number: number;
  /**
   * Makes the next authority, or takes one whose key is kept elsewhere. It is checked before `accepted` is called, and
   * nothing is changed if that rejects.
   */
  startAuthority(
    given: string | undefined,
    accepted: () => Promise<void>,
  ): Promise<void>;
  startManagerKey(): Promise<void>;
  /** Replaces the authority, and shows newcomers a certificate by the new one, checked as in `startAuthority`. */
  finishAuthority(
    given: string | undefined,
    accepted: () => Promise<void>,
  ): Promise<void>;
  finishManagerKey(): Promise<void>;
  /** True if the private key of the authority is there. */
  hasAuthorityKey(): Promise<boolean>;
  /** True if that of the next authority is there. */
  hasNextAuthorityKey(): Promise<boolean>;
  certificate(): Promise<CertificateView>;
  /**
   * Shows another certificate to newcomers, and returns the end of its validity. It is checked before `accepted` is called,
   * and nothing is changed if that rejects.
   */
  replaceCertificate(
    certPem: string,
    accepted: () => Promise<void>,
  ): Promise<number>;
}

/** True if a rotation of this kind of key is under way. */
export function hasNext(keys: RotatingKeys, kind: KeyKind): boolean {
  return (kind === "authority" ? keys.nextAuthority : keys.nextManagerKey) !==
    undefined;
}

function authoritiesOf(
  { authority, nextAuthority }: RotatingKeys,
): KeptAuthority[] {
  return nextAuthority === undefined ? [authority] : [authority, nextAuthority];
}

function managerKeysOf(
  { managerKey, nextManagerKey }: RotatingKeys,
): Uint8Array<ArrayBuffer>[] {
  const keys = nextManagerKey === undefined
    ? [managerKey]
    : [managerKey, nextManagerKey];
  return keys.map(({ publicKey }) => publicKey);
}

/** Statement to agents about the keys to trust. */
export function statementOf(keys: RotatingKeys): TrustStatement {
  return {
    number: keys.number,
    authorities: authoritiesOf(keys).map(({ certificate }) => certificate),
    managerKeys: managerKeysOf(keys),
  };
}

/** SHA-256 of each key that agents should trust, as their hellos tell them. Certificates are not read again for it. */
export function hashesOf(keys: RotatingKeys): Uint8Array[] {
  return [
    ...authoritiesOf(keys).map(({ hash }) => hash),
    ...managerKeysOf(keys).map((key) => sha256(key)),
  ];
}
