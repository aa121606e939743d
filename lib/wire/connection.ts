import {
  type Bye,
  Bye_Code,
  createBye,
  createPing,
  createPong,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Address } from "../base/address.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import {
  codeOf,
  type ErrorCode,
  messageOf,
  PiriError,
} from "../base/errors.ts";
import { type Dialect, Dialects } from "./dialect.ts";
import { FrameDecoder } from "./frame.ts";
import { Later } from "./later.ts";
import { Liveness, type LivenessTimes } from "./liveness.ts";
import { type Body, decodeMessage, type Kind, peek } from "./message.ts";
import { Outbox } from "./outbox.ts";
import { type PeerState, type Row, rowFor, type Table } from "./table.ts";
import type { Transport } from "./transport.ts";

/** Longest wait for the hello of a peer, in milliseconds. */
export const HELLO_MS = 10_000;

/** Longest wait for the proof of a peer, in milliseconds. */
export const PROOF_MS = 10_000;

/** Longest time for which this side reads on after its Bye, in milliseconds. */
export const LEAVING_MS = 2_000;

/** The end of a connection, and its reason. */
export type End =
  /** The peer said Bye. */
  | { readonly kind: "bye"; readonly bye: Bye }
  /** The own side said Bye. */
  | { readonly kind: "left"; readonly code: Bye_Code; readonly reason: string }
  /** The peer hung up, the network broke, or this side closed without a Bye. */
  | { readonly kind: "broken"; readonly reason: string };

/** Turns the peer away for a while when a row throws it. `bye` replaces the code and the reason that its code has. */
export class Refusal extends PiriError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly retryAfterMs: number,
    readonly bye?: Pick<Bye, "code" | "reason">,
  ) {
    super(code, message);
  }
}

export interface ConnectionOptions<Context> {
  readonly clock: Clock;
  readonly counters: Counters;
  /** Timer of deferred messages, shared with other connections. */
  readonly later?: Later;
  readonly table: Table<Context>;
  readonly context: Context;
}

/**
 * Code of the Bye for each error of a row. Any other error is a bug or a broken transport: the connection is closed
 * without a Bye, and the peer may come back.
 */
const BYE_OF: Readonly<Partial<Record<ErrorCode, Bye_Code>>> = {
  PROTOCOL_VIOLATION: Bye_Code.PROTOCOL_ERROR,
  AUTH_FAILED: Bye_Code.AUTH_FAILED,
  STALE: Bye_Code.STALE,
  BUSY: Bye_Code.BUSY,
  DISK: Bye_Code.BUSY,
};

/** Codes of this side's Bye after which messages of the peer are ignored. */
const FINAL: ReadonlySet<Bye_Code> = new Set([
  Bye_Code.PROTOCOL_ERROR,
  Bye_Code.PING_TIMEOUT,
]);

/**
 * A connection to one peer: the table handles incoming messages, the outbox writes outgoing ones. Both sides of the
 * protocol use it.
 *
 * Rows are awaited one at a time and in order. An error of a row ends the connection, with a Bye if its code has one.
 */
export class Connection<Context> {
  readonly peer: Address;
  /** Time of its creation, in milliseconds since 1970. */
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
  /** True once messages of the peer are ignored: the connection closes as soon as its Bye is written. */
  #ignoresPeer = false;

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
    // The peer may be a legacy one until its hello.
    this.dialect = Dialects.legacy;
  }

  get state(): PeerState {
    return this.#state;
  }

  /** Number of bytes that wait to be written. */
  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  /** Queues a message, and waits while too much is queued. Rejects with UNAVAILABLE once the connection is closed. */
  send(body: Body): Promise<void> {
    return this.#outbox.send(body);
  }

  /**
   * Queues a message without waiting, as for answers: reading must never wait for writing. Returns false, and drops the
   * message, once this side has said Bye.
   */
  reply(body: Body): boolean {
    return this.#outbox.reply(body);
  }

  /** Sends a message that nobody waits for, with the next write or by the shared timer. */
  replyLater(body: Body): void {
    this.#outbox.replyLater(body);
  }

  /**
   * Answers a Ping.
   *
   * @throws {PiriError} PROTOCOL_VIOLATION if too many Pings of the peer wait for their Pong
   */
  pong(data: number): void {
    this.reply({ case: "pong", value: createPong({ data }) });
  }

  /** Asks the peer for a sign of life. */
  ping(): void {
    this.reply({ case: "ping", value: createPing() });
  }

  /** True if a message of this kind for which `test` holds was read from the transport and is not handled yet. */
  hasAhead(kind: Kind, test: (body: Body) => boolean): boolean {
    for (const frame of this.#decoder.ahead()) {
      const body = peek(frame, kind);
      if (body !== undefined && test(body)) return true;
    }
    return false;
  }

  /** Sets the limit of the peer's frames and the way of writing frames to it, from now on. */
  set dialect({ maxFrameBytes, oneFrameAWrite }: Dialect) {
    this.#decoder.limit = maxFrameBytes;
    this.#outbox.oneFrameAWrite = oneFrameAWrite;
  }

  /** Pings the peer from now on, and says Bye when it is silent. */
  watch(times: LivenessTimes): void {
    this.#liveness = new Liveness(this.#clock, times, {
      ping: () => this.ping(),
      dead: () => this.leave(Bye_Code.PING_TIMEOUT, "ping timeout"),
    });
  }

  /**
   * Says Bye. A ready connection then reads on until the peer closes, for at most 2 s. If it is not ready, or the code
   * is final, it closes as soon as the Bye is written. Does nothing if the connection is leaving or closed.
   */
  leave(code: Bye_Code, reason: string, retryAfterMs?: number): void {
    if (this.#state === "closed" || this.#state === "leaving") return;
    this.#end ??= { kind: "left", code, reason };
    const bye = createBye({ code, reason });
    if (retryAfterMs !== undefined) bye.retryAfterMs = retryAfterMs;
    this.reply({ case: "bye", value: bye });
    this.#liveness?.stop();
    const linger = this.#state === "ready" && !FINAL.has(code);
    this.#ignoresPeer = !linger;
    this.#state = "leaving";
    this.#setTimer(LEAVING_MS, () => this.close());
    if (!linger) void this.#outbox.flushed().then(() => this.close());
  }

  /** Closes the connection at once, without a Bye. */
  close(reason = "closed by this side"): void {
    this.#close({ kind: "broken", reason });
  }

  /** Serves the connection, and resolves to its end. Never rejects. */
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
      // The Bye is being written. `leave` closes the connection once it is written, or after 2 s.
      await this.closed;
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
        // Awaiting a row that has finished already would cost more than most messages.
        const handled = this.#handle(frame);
        if (handled !== undefined) await handled;
        if (this.#isClosed()) return;
        frame = this.#decoder.next();
      }
    }
  }

  /** True once closed. A method, since TypeScript would take a field for unchanged over an await. */
  #isClosed(): boolean {
    return this.#state === "closed";
  }

  #handle(frame: Uint8Array): Promise<void> | undefined {
    const state = this.#state;
    if (state === "closed" || this.#ignoresPeer) return undefined;
    const body = decodeMessage(frame, this.#decoder);
    if (body === undefined) {
      if (state === "greeting" || state === "proving") {
        throw new PiriError(
          "PROTOCOL_VIOLATION",
          `Cannot accept a message of unknown type while ${state}`,
        );
      }
      this.#counters.add("unknown_messages");
      return undefined;
    }
    const row = rowFor(this.#table, state, body);
    if (body.case === "bye") this.#end ??= { kind: "bye", bye: body.value };
    const ran = row.run(this.#context, body.value, frame);
    if (ran !== undefined) return ran.then(() => this.#followUp(row, state));
    this.#followUp(row, state);
    return undefined;
  }

  #followUp(
    { next, detour, after }: Pick<
      Row<Context, never>,
      "next" | "detour" | "after"
    >,
    state: PeerState,
  ): void {
    // This side may have left meanwhile. The row must not change its state then.
    if (next === undefined || this.#state !== state) return;
    if (detour?.isTaken(this.#context)) return this.#enter(detour.next);
    this.#enter(next);
    after?.(this.#context);
  }

  #enter(state: PeerState): void {
    if (state === "closed") return this.close();
    this.#state = state;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (state === "proving") this.#awaitProof();
  }

  #awaitProof(): void {
    this.#setTimer(PROOF_MS, () => {
      this.#counters.add("proof_timeouts");
      this.#close({
        kind: "broken",
        reason: "the keys were not proven within 10 s",
      });
    });
  }

  #fail(error: unknown): void {
    const refusal = error instanceof Refusal ? error : undefined;
    const code = refusal?.bye?.code ?? BYE_OF[codeOf(error)];
    if (code === undefined) {
      return this.#close({ kind: "broken", reason: messageOf(error) });
    }
    if (code === Bye_Code.PROTOCOL_ERROR) this.#counters.add("protocol_errors");
    const reason = refusal?.bye?.reason ?? byeReason(code, messageOf(error));
    this.leave(code, reason, refusal?.retryAfterMs);
    // Nothing is read any more: there is no reason to wait for the peer.
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

  /** Resolves once it is closed, also while a row is still being carried out. */
  get closed(): Promise<void> {
    return this.#done.promise;
  }

  #setTimer(ms: number, callback: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(ms, callback);
  }
}

/** The reason in a Bye. It tells no more of a failed authentication than the legacy protocol did. */
function byeReason(code: Bye_Code, message: string): string {
  if (code === Bye_Code.AUTH_FAILED) return "auth failed";
  if (code === Bye_Code.PROTOCOL_ERROR) return `protocol error: ${message}`;
  return message;
}
