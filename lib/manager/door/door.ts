import type { Address } from "../../base/address.ts";
import type { Identity } from "../../base/pem.ts";

/** Certificate with its key, and the authority that signed it. */
export interface CertifiedIdentity extends Identity {
  /** SHA-256 of the public key of the authority; undefined if it is of no interest. */
  readonly authority?: Uint8Array | undefined;
}

/** An open port of the Manager for agents, and the connections that still pass through it. */
export interface Door {
  /** The address that is listened on, with the port that was chosen. */
  readonly address: Address;
  readonly port: number;
  /** Shows another certificate to newcomers; established connections stay. */
  renew(identity: CertifiedIdentity): Promise<void>;
  /** Stops accepting and gives up unfinished handshakes. Established connections go on. */
  close(): Promise<void>;
  /** Ends the established connections that depend on this door. Called after `close`, once agents were told. */
  end(): void;
}
