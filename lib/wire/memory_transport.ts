import type { Transport } from "./transport.ts";

/** Most bytes that a pipe holds before its writer waits. */
const MAX_HELD_BYTES = 65_536;

/** Two ends of a connection within this process. */
export function memoryTransports(): [Transport, Transport] {
  const there = new Pipe();
  const back = new Pipe();
  return [new MemoryTransport(back, there), new MemoryTransport(there, back)];
}

/** Bytes of one direction that were written and not yet read. */
class Pipe {
  #bytes: Uint8Array<ArrayBuffer>[] = [];
  #held = 0;
  #ended = false;
  #changed = Promise.withResolvers<void>();

  async take(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.#bytes.length === 0) {
      if (this.#ended) return undefined;
      await this.#changed.promise;
    }
    const bytes = this.#bytes.shift();
    this.#held -= bytes?.length ?? 0;
    this.#wake();
    return bytes;
  }

  async put(bytes: Uint8Array): Promise<number> {
    while (this.#held >= MAX_HELD_BYTES && !this.#ended) {
      await this.#changed.promise;
    }
    if (this.#ended) {
      throw new Deno.errors.BrokenPipe("the memory transport is closed");
    }
    const taken = Math.min(bytes.length, MAX_HELD_BYTES - this.#held);
    this.#bytes.push(bytes.slice(0, taken));
    this.#held += taken;
    this.#wake();
    return taken;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

class MemoryTransport implements Transport {
  readonly peer = { host: "memory", port: 0 };
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #closed = false;

  constructor(incoming: Pipe, outgoing: Pipe) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = this.#closed ? undefined : await this.#incoming.take();
    return this.#closed ? undefined : bytes;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#outgoing.put(bytes);
  }

  close(): void {
    this.#closed = true;
    // The other end can still read written bytes. Nobody can read incoming ones.
    this.#outgoing.end();
    this.#incoming.end();
  }
}
