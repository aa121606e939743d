import { FrameDecoder } from "../../lib/wire/frame.ts";
import { decodeMessage, type Kind } from "../../lib/wire/message.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import { Limits } from "../../lib/base/limits.ts";

/** Writing half of a connection to a peer that takes bytes only when a test says so. */
export class SlowTransport implements Transport {
  readonly peer = { host: "slow", port: 0 };
  /** Bytes that were taken, one item for each write. */
  readonly writes: Uint8Array[] = [];
  closed = false;
  /** Limit of bytes that one write takes. */
  most = Infinity;
  #blocked = false;
  #free = Promise.withResolvers<void>();

  /** Makes writes wait from now on. */
  block(): void {
    this.#blocked = true;
  }

  unblock(): void {
    this.#blocked = false;
    this.#free.resolve();
    this.#free = Promise.withResolvers();
  }

  /** Kinds of the messages that were taken, one list for each write. */
  kinds(): Kind[][] {
    const decoder = new FrameDecoder();
    decoder.limit = Limits.frame;
    return this.writes.map((bytes) => {
      decoder.push(bytes.slice());
      const kinds: Kind[] = [];
      let frame = decoder.next();
      while (frame !== undefined) {
        const message = decodeMessage(frame);
        if (message !== undefined) kinds.push(message.case);
        frame = decoder.next();
      }
      return kinds;
    });
  }

  read(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.#blocked) await this.#free.promise;
    if (this.closed) throw new Deno.errors.BrokenPipe("closed");
    const taken = bytes.slice(0, this.most);
    this.writes.push(taken);
    return taken.length;
  }

  close(): void {
    this.closed = true;
    this.unblock();
  }
}
