import type { Transport } from "@nats-io/nats-core/internal";
import { writeWhole } from "./raw.ts";

/** Size of the read buffer. It holds the usual message, so that few are read in pieces. */
const BUFFER_BYTES = 16_384;

/**
 * Transport of NATS' own client over Deno's TLS. The transport for Node does not survive the change to TLS with the
 * pinned Deno (github.com/denoland/deno/issues/33296).
 */
export class NatsTransport implements Transport {
  readonly lang = "deno";
  readonly version = "0";
  isClosed = false;
  readonly #tls: Deno.StartTlsOptions;
  readonly #end = Promise.withResolvers<void | Error>();
  /** First line of the server, which comes before TLS. */
  #info: Uint8Array = new Uint8Array();
  #conn: Deno.TlsConn | undefined;
  #outgoing: Uint8Array[] = [];
  #isWriting = false;

  constructor(tls: Deno.StartTlsOptions) {
    this.#tls = tls;
  }

  async connect({ hostname, port }: {
    readonly hostname: string;
    readonly port: number;
  }): Promise<void> {
    const tcp = await Deno.connect({ hostname, port });
    tcp.setNoDelay(true);
    this.#info = await firstLine(tcp);
    this.#conn = await Deno.startTls(tcp, this.#tls);
    await this.#conn.handshake();
  }

  isEncrypted(): boolean {
    return true;
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    yield this.#info;
    const buffer = new Uint8Array(BUFFER_BYTES);
    try {
      for (;;) {
        const count = await this.#conn?.read(buffer) ?? null;
        if (count === null) break;
        // The client keeps parts of the yielded bytes, so they are copied.
        yield buffer.slice(0, count);
      }
      this.#close();
    } catch (error) {
      this.#close(error);
    }
  }

  send(frame: Uint8Array): void {
    this.#outgoing.push(frame);
    if (!this.#isWriting) this.#write();
  }

  close(error?: Error): Promise<void> {
    this.#close(error);
    return Promise.resolve();
  }

  disconnect(): void {
    this.#close();
  }

  discard(): void {
    this.#close();
  }

  closed(): Promise<void | Error> {
    return this.#end.promise;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      for (
        let frame = this.#outgoing.shift();
        frame !== undefined && this.#conn !== undefined;
        frame = this.#outgoing.shift()
      ) {
        await writeWhole(this.#conn, frame);
      }
    } catch (error) {
      this.#close(error);
    }
    this.#isWriting = false;
  }

  #close(error?: unknown): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#conn?.close();
    this.#end.resolve(error instanceof Error ? error : undefined);
  }
}

/** Reads the first line. The server sends it in plain text, and then waits for TLS. */
async function firstLine(tcp: Deno.TcpConn): Promise<Uint8Array> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let end = 0;;) {
    const count = await tcp.read(buffer.subarray(end));
    if (count === null) throw new Deno.errors.UnexpectedEof("NATS hung up");
    end += count;
    if (buffer[end - 1] === 10) return buffer.slice(0, end);
  }
}
