import type { Address } from "../base/address.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import {
  codeOf,
  type ErrorCode,
  messageOf,
  PiriError,
} from "../base/errors.ts";
import {
  type Bye,
  Bye_Code,
  createBye,
  createPing,
  createPong,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Dialect, Dialects } from "./dialect.ts";
import { FrameDecoder } from "./frame.ts";
import { Later } from "./later.ts";
import { Liveness, type LivenessTimes } from "./liveness.ts";
import { type Body, decodeMessage } from "./message.ts";
import { Outbox } from "./outbox.ts";
import { type PeerState, rowFor, type Table } from "./table.ts";
import type { Transport } from "./transport.ts";

/** How long a peer has for its hello, milliseconds. */
export const HELLO_MS = 10_000;

/** How long this side reads on after its Bye, milliseconds. */
export const LEAVING_MS = 2_000;

/** How a connection ended. */
export type End =
  /** The peer said Bye. */
  | { readonly kind: "bye"; readonly bye: Bye }
  /** This side said Bye, and why. */
  | { readonly kind: "left"; readonly code: Bye_Code; readonly reason: string }
  /** The peer hung up, or the network did. */
  | { readonly kind: "broken"; readonly reason: string };

/** An error that a row throws to turn the peer away for a while. */
export class Refusal extends PiriError {
  constructor(code: ErrorCode, message: string, readonly retryAfterMs: number) {
    super(code, message);
  }
}

/** What a connection is made of. */
export interface ConnectionOptions<Context> {
  readonly clock: Clock;
  readonly counters: Counters;
  /** When what may wait is sent at the latest; shared with other connections. */
  readonly later?: Later;
  readonly table: Table<Context>;
  readonly context: Context;
}

/** Which Bye goes with an error that a row threw. Every other error is ours, and the peer is asked to come back. */
const BYE_OF: Readonly<Partial<Record<ErrorCode, Bye_Code>>> = {
  PROTOCOL_VIOLATION: Bye_Code.PROTOCOL_ERROR,
  AUTH_FAILED: Bye_Code.AUTH_FAILED,
  STALE: Bye_Code.STALE,
  BUSY: Bye_Code.BUSY,
  DISK: Bye_Code.BUSY,
};

/** After these nothing that the peer says is looked at. */
const FINAL: ReadonlySet<Bye_Code> = new Set([
  Bye_Code.PROTOCOL_ERROR,
  Bye_Code.PING_TIMEOUT,
]);

/**
 * One peer: messages in by the table, messages out by the outbox, and the state that both sides of the protocol share.
 *
 * Rows are awaited one at a time and in order. What a row throws ends the connection with a Bye.
 */
export class Connection<Context> {
  readonly peer: Address;
  /** When it was made, milliseconds since 1970. */
  readonly since: number;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #table: Table<Context>;
  readonly #context: Context;
  readonly #decoder = new FrameDecoder();
  readonly #outbox: Outbox;
  #state: PeerState = "greeting";
  #timer: Timer | undefined;
  #liveness: Liveness | undefined;
  #end: End | undefined;
  /** Its Bye is on its way, and what the peer still says is not looked at. */
  #deaf = false;

  constructor(transport: Transport, options: ConnectionOptions<Context>) {
    this.peer = transport.peer;
    this.#transport = transport;
    this.#clock = options.clock;
    this.since = options.clock.now();
    this.#counters = options.counters;
    this.#table = options.table;
    this.#context = options.context;
    this.#outbox = new Outbox(transport, {
      clock: options.clock,
      later: options.later ?? new Later(options.clock),
      failed: ({ message }) => this.#close({ kind: "broken", reason: message }),
    });
    // Until its hello it may be a legacy peer.
    this.dialect = Dialects.legacy;
  }

  get state(): PeerState {
    return this.#state;
  }

  /** Bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  /** Sends, and waits while too much is queued already. Rejects with UNAVAILABLE once the connection is closed. */
  send(body: Body): Promise<void> {
    return this.#outbox.send(body);
  }

  /**
   * Sends without waiting, and tells whether it will be sent: this side may have said Bye. For answers, so that reading
   * never waits for writing.
   */
  reply(body: Body): boolean {
    return this.#outbox.reply(body);
  }

  /** As `reply`, for what nobody waits for: it is sent with the next message, or a little later. */
  replyLater(body: Body): void {
    this.#outbox.replyLater(body);
  }

  /** Answers a Ping. */
  pong(data: number): void {
    this.reply({ case: "pong", value: createPong({ data }) });
  }

  /** Asks the peer for a sign of life. */
  ping(): void {
    this.reply({ case: "ping", value: createPing() });
  }

  /** Sets how large the peer's frames may be, and how frames are written to it, from now on. */
  set dialect({ maxFrameBytes, oneFrameAWrite }: Dialect) {
    this.#decoder.limit = maxFrameBytes;
    this.#outbox.oneFrameAWrite = oneFrameAWrite;
  }

  /** Pings the peer from now on, and gives it up when it is silent. */
  watch(times: LivenessTimes): void {
    this.#liveness = new Liveness(this.#clock, times, {
      ping: () => this.ping(),
      dead: () => this.leave(Bye_Code.PING_TIMEOUT, "ping timeout"),
    });
  }

  /**
   * Says Bye. When ready, reads on until the peer closes, 2 s at most; else closes as soon as the Bye is written. Does
   * nothing if the connection is leaving or closed.
   */
  leave(code: Bye_Code, reason: string, retryAfterMs?: number): void {
    if (this.#state === "closed" || this.#state === "leaving") return;
    this.#end ??= { kind: "left", code, reason };
    const bye = createBye({ code, reason });
    if (retryAfterMs !== undefined) bye.retryAfterMs = retryAfterMs;
    this.reply({ case: "bye", value: bye });
    this.#liveness?.stop();
    const linger = this.#state === "ready" && !FINAL.has(code);
    this.#deaf = !linger;
    this.#state = "leaving";
    this.#setTimer(LEAVING_MS, () => this.close());
    if (!linger) void this.#outbox.flushed().then(() => this.close());
  }

  /** Ends the connection at once, without a word. */
  close(): void {
    this.#close({ kind: "broken", reason: "closed by this side" });
  }

  /** Reads until the end and says how it came. Never rejects. */
  async run(): Promise<End> {
    this.#setTimer(HELLO_MS, () => {
      this.#counters.add("hello_timeouts");
      this.#close({ kind: "broken", reason: "no hello came within 10 s" });
    });
    try {
      await this.#read();
      this.#close({ kind: "broken", reason: "the peer hung up" });
    } catch (error) {
      this.#fail(error);
      // The Bye is on its way; `leave` closes once it is written or the time is over.
      await this.#closed();
    }
    return this.#end ?? { kind: "broken", reason: "closed" };
  }

  async #read(): Promise<void> {
    while (this.#state !== "closed") {
      const bytes = await this.#transport.read();
      if (bytes === undefined) return;
      this.#liveness?.heard();
      this.#decoder.push(bytes);
      let frame = this.#decoder.next();
      while (frame !== undefined) {
        // Waiting for what is done already would cost more than most messages.
        const handled = this.#handle(frame);
        if (handled !== undefined) await handled;
        if (this.#ended()) return;
        frame = this.#decoder.next();
      }
    }
  }

  /** A method, so that TypeScript does not take the state for unchanged over an await. */
  #ended(): boolean {
    return this.#state === "closed";
  }

  #handle(frame: Uint8Array): Promise<void> | undefined {
    const state = this.#state;
    if (state === "closed" || this.#deaf) return undefined;
    const body = decodeMessage(frame);
    if (body === undefined) {
      if (state === "greeting") {
        throw new PiriError(
          "PROTOCOL_VIOLATION",
          "Cannot accept a message of unknown type while greeting",
        );
      }
      this.#counters.add("unknown_messages");
      return undefined;
    }
    const row = rowFor(this.#table, state, body);
    if (body.case === "bye") this.#end ??= { kind: "bye", bye: body.value };
    const ran = row.run(this.#context, body.value);
    if (ran !== undefined) return ran.then(() => this.#followUp(row, state));
    this.#followUp(row, state);
    return undefined;
  }

  #followUp(
    { next, after }: { next?: PeerState; after?: (context: Context) => void },
    state: PeerState,
  ): void {
    // This side may have left meanwhile; then the row has no say any more.
    if (next === undefined || this.#state !== state) return;
    this.#enter(next);
    after?.(this.#context);
  }

  #enter(state: PeerState): void {
    if (state === "closed") return this.close();
    this.#state = state;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #fail(error: unknown): void {
    const code = BYE_OF[codeOf(error)];
    if (code === undefined) {
      return this.#close({ kind: "broken", reason: messageOf(error) });
    }
    if (code === Bye_Code.PROTOCOL_ERROR) this.#counters.add("protocol_errors");
    const retryAfterMs = error instanceof Refusal
      ? error.retryAfterMs
      : undefined;
    this.leave(code, byeReason(code, messageOf(error)), retryAfterMs);
    // Nothing is read any more, so there is nothing to linger for.
    void this.#outbox.flushed().then(() => this.close());
  }

  #close(end: End): void {
    if (this.#state === "closed") return;
    this.#end ??= end;
    this.#state = "closed";
    this.#timer?.cancel();
    this.#liveness?.stop();
    this.#outbox.close();
    this.#transport.close();
    this.#done.resolve();
  }

  readonly #done = Promise.withResolvers<void>();

  #closed(): Promise<void> {
    return this.#done.promise;
  }

  #setTimer(ms: number, callback: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(ms, callback);
  }
}

/** What a peer is told: of an authentication that failed, as little as the legacy protocol said. */
function byeReason(code: Bye_Code, message: string): string {
  if (code === Bye_Code.AUTH_FAILED) return "auth failed";
  if (code === Bye_Code.PROTOCOL_ERROR) return `protocol error: ${message}`;
  return message;
}
