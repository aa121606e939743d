import { assertEquals } from "@std/assert";
import { encodeFrames, FrameDecoder } from "../../lib/wire/frame.ts";
import {
  type Body,
  decodeMessage,
  encodeMessage,
  type Kind,
  type MessageOf,
} from "../../lib/wire/message.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import {
  createAuthChallenge,
  createAuthProof,
  createBye,
  createClientHello,
  createCommand,
  createCommandAck,
  createCommandCancel,
  createCommandOutput,
  createCommandProgress,
  createCommandResult,
  createDataRequest,
  createDataResponse,
  createPing,
  createPong,
  createServerHello,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { Limits } from "../../lib/base/limits.ts";

const MAKERS = {
  clientHello: createClientHello,
  serverHello: createServerHello,
  bye: createBye,
  ping: createPing,
  pong: createPong,
  authChallenge: createAuthChallenge,
  authProof: createAuthProof,
  command: createCommand,
  cancel: createCommandCancel,
  progress: createCommandProgress,
  result: createCommandResult,
  commandOutput: createCommandOutput,
  commandAck: createCommandAck,
  dataRequest: createDataRequest,
  dataResponse: createDataResponse,
} satisfies { [K in Kind]: (init?: never) => MessageOf<K> };

/** All kinds of messages. */
export const KINDS = Object.keys(MAKERS) as Kind[];

/** Fields to make a message of a kind from. */
export type Init<K extends Kind> = NonNullable<Parameters<typeof MAKERS[K]>[0]>;

/** Makes a message of a kind. */
export function body<K extends Kind>(kind: K, init?: Init<K>): Body {
  // The pairs of kind and maker are in the table above; a lookup by a variable loses that.
  const make = MAKERS[kind] as (init?: Init<K>) => MessageOf<K>;
  return { case: kind, value: make(init) } as Body;
}

/** Bytes of messages as they are sent over a connection. */
export function framesOf(...bodies: Body[]): Uint8Array<ArrayBuffer> {
  return encodeFrames(bodies.map(encodeMessage)).slice();
}

/** One end of a connection, played by a test: says what the test tells it, and returns messages in order. */
export class ScriptedPeer {
  /** Messages that have come and were not asked for yet. */
  readonly #heard: Body[] = [];
  readonly #transport: Transport;
  readonly #decoder = new FrameDecoder();
  #news = Promise.withResolvers<void>();
  #ended = false;
  #answersPings = false;
  #reading: Promise<void> | undefined;

  /** @param reads False for a peer that does not read until it is told to. */
  constructor(transport: Transport, { reads = true } = {}) {
    this.#transport = transport;
    this.#decoder.limit = Limits.frame;
    if (reads) this.read();
  }

  /** Begins to read. */
  read(): void {
    this.#reading ??= this.#read();
  }

  /**
   * Answers each Ping from now on, and the test hears none of them. A peer needs this if its test may take longer than
   * the interval of pings, as any may whose other side has the time of the machine.
   */
  answerPings(): void {
    this.#answersPings = true;
  }

  says<K extends Kind>(kind: K, init?: Init<K>): Promise<void> {
    return this.writes(framesOf(body(kind, init)));
  }

  /** Sends several messages in one write. */
  saysAtOnce(...bodies: Body[]): Promise<void> {
    return this.writes(framesOf(...bodies));
  }

  async writes(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      written += await this.#transport.write(bytes.subarray(written));
    }
  }

  /** Waits for the next message, which must be of this kind. */
  async hears<K extends Kind>(kind: K): Promise<MessageOf<K>> {
    const next = await this.next();
    assertEquals(next?.case ?? "the end", kind);
    return next?.value as MessageOf<K>;
  }

  /** Waits for the next message; undefined at the end. */
  async next(): Promise<Body | undefined> {
    while (this.#heard.length === 0 && !this.#ended) await this.#news.promise;
    return this.#heard.shift();
  }

  /** Takes all messages that have come and were not asked for yet. */
  heardSoFar(): Body[] {
    return this.#heard.splice(0);
  }

  /** Takes the kinds of these messages. */
  kindsSoFar(): Kind[] {
    return this.heardSoFar().map(({ case: kind }) => kind);
  }

  /** Waits for the other side to hang up; it must not say anything before that. */
  async hearsTheEnd(): Promise<void> {
    const next = await this.next();
    assertEquals(next?.case, undefined);
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  hangUp(): void {
    this.#transport.close();
  }

  async #read(): Promise<void> {
    try {
      while (true) {
        const bytes = await this.#transport.read();
        if (bytes === undefined) break;
        this.#decoder.push(bytes);
        let frame = this.#decoder.next();
        while (frame !== undefined) {
          const message = decodeMessage(frame);
          if (message !== undefined) this.#hear(message);
          frame = this.#decoder.next();
        }
        this.#wake();
      }
    } finally {
      this.#ended = true;
      this.#wake();
    }
  }

  #hear(message: Body): void {
    if (this.#answersPings && message.case === "ping") {
      void this.says("pong", message.value).catch(() => {});
    } else this.#heard.push(message);
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
