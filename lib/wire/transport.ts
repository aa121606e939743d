import type { Address } from "../base/address.ts";

/** A connection as bytes: what is below the frames. TLS is one, memory another, WebSocket will be a third. */
export interface Transport {
  /** Where the peer is. */
  readonly peer: Address;
  /**
   * The next bytes, or undefined at the end. They stay until the next call. One call at a time.
   *
   * After `close` of this side it is the end, too. Rejects if the connection broke.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Hands over some of the bytes, at least one, and says how many. Waits for a slow peer. One call at a time. When it has
   * resolved the bytes are the caller's again, who may write over them.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions at once. Never throws, and may be called again. */
  close(): void;
}
