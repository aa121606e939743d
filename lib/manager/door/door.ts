import type { Address } from "../../base/address.ts";
import type { Identity } from "../../base/pem.ts";

/** An open port of the Manager for agents, and the connections that still pass through it. */
export interface Door {
  /** The address that is listened on, with the port that was chosen. */
  readonly address: Address;
  readonly port: number;
  /** Shows another certificate to newcomers; established connections stay. */
  renew(identity: Identity): Promise<void>;
  /** Stops accepting and gives up unfinished handshakes. Established connections go on. */
  close(): Promise<void>;
  /** Ends the established connections that depend on this door. Called after `close`, once agents were told. */
  end(): void;
}
