import type { Transport } from "../../../lib/wire/transport.ts";

/** Behaviour of a peer over one connection. */
export interface Script {
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
  /** End of the connection, after the last chunk. */
  readonly ending: "hangs up" | "falls silent" | "breaks";
  /** True if the peer reads. */
  readonly reads: boolean;
  /** Largest number of bytes that one write takes. */
  readonly takes: number;
}

/** A connection whose peer follows a script, whatever is written to it. */
export class ScriptTransport implements Transport {
  readonly peer = { host: "10.1.2.3", port: 5_000 };
  /** Bytes that were taken. */
  readonly written: Uint8Array[] = [];
  /** Number of calls so far, by which others see activity. */
  activity = 0;
  isClosed = false;
  readonly #script: Script;
  readonly #beforeRead: (index: number) => void;
  readonly #closed = Promise.withResolvers<void>();
  #index = 0;

  constructor(script: Script, beforeRead: (index: number) => void = () => {}) {
    this.#script = script;
    this.#beforeRead = beforeRead;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.activity++;
    this.#beforeRead(this.#index);
    if (this.isClosed) return undefined;
    const chunk = this.#script.chunks[this.#index++];
    if (chunk !== undefined) return chunk.slice();
    switch (this.#script.ending) {
      case "hangs up":
        return undefined;
      case "breaks":
        throw new Deno.errors.ConnectionReset("the connection was reset");
      case "falls silent":
        await this.#closed.promise;
        return undefined;
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.activity++;
    if (!this.#script.reads) await this.#closed.promise;
    if (this.isClosed) throw new Deno.errors.BrokenPipe("the peer has gone");
    const taken = bytes.slice(0, this.#script.takes);
    this.written.push(taken);
    return taken.length;
  }

  close(): void {
    this.isClosed = true;
    this.#closed.resolve();
  }
}
