import { PiriError } from "../../base/errors.ts";

/** Address and authority that login lines name. */
export interface ControlPlace {
  /** Address of the control port, "host:port". */
  readonly address: string;
  /** Certificate of the authority, DER. */
  readonly caCertificate: Uint8Array<ArrayBuffer>;
}

/**
 * Requires a control port.
 *
 * @throws {PiriError} FAILED_PRECONDITION without one
 */
export function requirePlace(place: ControlPlace | undefined): ControlPlace {
  if (place !== undefined) return place;
  throw new PiriError(
    "FAILED_PRECONDITION",
    "Cannot let an operator log in: this Manager has no control port (piri-manager serve --control HOST:PORT, or control in config.yaml)",
  );
}
