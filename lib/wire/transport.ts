import type { Address } from "../base/address.ts";

/** A connection as bytes, below the frames: TLS and memory today, WebSocket later. */
export interface Transport {
  /** Address of the peer. */
  readonly peer: Address;
  /**
   * SHA-256 of the public key of the authority by which TLS has certified the Manager on this connection, as this side
   * knows it: that of the certificate that was shown, or by which it was verified. Undefined where there is no TLS.
   */
  readonly authority?: Uint8Array | undefined;
  /**
   * Reads the next bytes; undefined at the end, and after `close` by this side. The bytes are valid until the next
   * call. One call at a time. Rejects if the connection broke.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Writes some of the bytes, at least one, and resolves to their number. Waits for a slow peer. One call at a time.
   * The caller may change the bytes once the promise has resolved.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions at once. Never throws. May be called again. */
  close(): void;
}
