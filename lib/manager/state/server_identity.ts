import { certificateExpiry, serverNameOf } from "./authority.ts";

/** Certificate and key that a Manager shows to agents. */
export interface ServerIdentity {
  readonly certPem: string;
  readonly keyPem: string;
  /** Name that agents verify. */
  readonly name: string;
  /** End of its validity, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Certificate and key, with what agents verify. */
export function identityOf(certPem: string, keyPem: string): ServerIdentity {
  return {
    certPem,
    keyPem,
    name: serverNameOf(certPem),
    expiresAt: certificateExpiry(certPem),
  };
}
