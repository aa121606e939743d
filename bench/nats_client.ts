import { PiriError } from "../lib/base/errors.ts";
import { type NatsWord, nextWord } from "./nats_protocol.ts";
import { writeWhole } from "./raw.ts";

/** Where a NATS server is, and how it is known. */
export interface NatsAddress {
  readonly port: number;
  readonly serverName: string;
  readonly caPem: string;
}

/** Holds the usual message, so that few are read in pieces. */
const BUFFER_BYTES = 16_384;

const OPTIONS = {
  verbose: false,
  pedantic: false,
  // deno-lint-ignore camelcase
  tls_required: true,
  lang: "deno",
  version: "0",
  protocol: 1,
};

/**
 * As little of a client of NATS as requests and replies need, over TLS: INFO, CONNECT, SUB, PUB, MSG, PING and PONG of
 * its text protocol (https://docs.nats.io/reference/reference-protocols/nats-protocol). What is asked of it while one
 * piece of bytes is worked through goes out in one write.
 */
export class NatsClient {
  /** Called with each message that comes; may publish. */
  onMessage: (message: NatsWord & { kind: "message" }) => void = () => {};
  /** Rejects once the connection has ended or broken. */
  readonly ended: Promise<never>;
  readonly #conn: Deno.TlsConn;
  readonly #encoder = new TextEncoder();
  readonly #end = Promise.withResolvers<never>();
  readonly #pongs: (() => void)[] = [];
  #outgoing: Uint8Array[] = [];
  #writing = false;
  #lastSubscription = 0;
  #rest = new Uint8Array();

  private constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
    this.ended = this.#end.promise;
    this.ended.catch(() => {});
    void this.#read();
  }

  static async connect(address: NatsAddress): Promise<NatsClient> {
    const { port, serverName, caPem } = address;
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    tcp.setNoDelay(true);
    await skipInfo(tcp);
    const conn = await Deno.startTls(tcp, {
      hostname: serverName,
      caCerts: [caPem],
    });
    await conn.handshake();
    const client = new NatsClient(conn);
    client.#say(`CONNECT ${JSON.stringify(OPTIONS)}\r\n`);
    await client.flush();
    return client;
  }

  /** Has messages to this subject come here. */
  subscribe(subject: string): void {
    this.#say(`SUB ${subject} ${++this.#lastSubscription}\r\n`);
  }

  publish(subject: string, payload: Uint8Array, reply = ""): void {
    const to = reply === "" ? subject : `${subject} ${reply}`;
    this.#say(`PUB ${to} ${payload.length}\r\n`);
    this.#send(payload);
    this.#say("\r\n");
  }

  /** Resolves once the server has taken all that was said. */
  async flush(): Promise<void> {
    const pong = Promise.withResolvers<void>();
    this.#pongs.push(pong.resolve);
    this.#say("PING\r\n");
    await Promise.race([pong.promise, this.ended]);
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It has ended by itself.
    }
  }

  #say(text: string): void {
    this.#send(this.#encoder.encode(text));
  }

  #send(bytes: Uint8Array): void {
    this.#outgoing.push(bytes);
    if (this.#writing) return;
    this.#writing = true;
    void this.#write();
  }

  async #write(): Promise<void> {
    try {
      // All that is published in this turn belongs to the first write.
      await Promise.resolve();
      while (this.#outgoing.length > 0) {
        const parts = this.#outgoing;
        this.#outgoing = [];
        await writeWhole(this.#conn, joined(parts));
      }
      this.#writing = false;
    } catch (error) {
      this.#end.reject(error);
    }
  }

  async #read(): Promise<void> {
    try {
      const buffer = new Uint8Array(BUFFER_BYTES);
      for (;;) {
        const count = await this.#conn.read(buffer);
        if (count === null) throw new Deno.errors.UnexpectedEof("it hung up");
        const fresh = buffer.subarray(0, count);
        const bytes = this.#rest.length === 0
          ? fresh
          : joined([this.#rest, fresh]);
        const end = this.#take(bytes);
        this.#rest = bytes.slice(end);
      }
    } catch (error) {
      this.#end.reject(error);
    }
  }

  /** Takes what is there as a whole, and returns where that ends. */
  #take(bytes: Uint8Array): number {
    for (let start = 0;;) {
      const next = nextWord(bytes, start);
      if (next === undefined) return start;
      const { word, end } = next;
      if (word.kind === "message") this.onMessage(word);
      else this.#takeLine(word.line);
      start = end;
    }
  }

  #takeLine(line: string): void {
    if (line === "PING") this.#say("PONG\r\n");
    else if (line === "PONG") this.#pongs.shift()?.();
    else if (!line.startsWith("INFO ")) {
      throw new PiriError("REFUSED", `Cannot go on: NATS says ${line}`);
    }
  }
}

/** The server speaks first, in plain text and to the end of a line, and then waits for TLS. */
async function skipInfo(tcp: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const count = await tcp.read(buffer);
    if (count === null) throw new Deno.errors.UnexpectedEof("NATS hung up");
    if (buffer[count - 1] === 10) return;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
