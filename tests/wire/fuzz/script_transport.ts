import type { Transport } from "../../../lib/wire/transport.ts";

/** What a peer does over one connection. */
export interface Script {
  readonly chunks: readonly Uint8Array<ArrayBuffer>[];
  /** After the last chunk. */
  readonly ending: "hangs up" | "falls silent" | "breaks";
  /** Whether it takes what is written to it. */
  readonly reads: boolean;
  /** So many bytes are taken by a write. */
  readonly takes: number;
}

/** A connection whose peer follows a script, whatever it is told. */
export class ScriptTransport implements Transport {
  readonly peer = { host: "10.1.2.3", port: 5_000 };
  /** What was taken. */
  readonly written: Uint8Array[] = [];
  /** Grows with every call: who waits sees that something happens. */
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
