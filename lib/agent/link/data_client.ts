import { concat } from "@std/bytes/concat";
import {
  createDataRequest,
  type DataResponse,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { asErrorCode, PiriError } from "../../base/errors.ts";
import type { Body } from "../../wire/message.ts";

/** Longest time that a request may go without a byte of its answer, in milliseconds. After that it has failed. */
const TIMEOUT_MS = 30_000;

/** Limit of requests under way; others wait. A Manager refuses requests beyond 32. */
const MAX_AT_ONCE = 32;

/** Longest answer in several pieces, in bytes. */
const MAX_ANSWER_BYTES = 1_048_576;

/** Connection that requests are sent over. */
export interface DataPeer {
  send(body: Body): Promise<void>;
}

interface Pending {
  readonly type: string;
  readonly answer: PromiseWithResolvers<string | Uint8Array>;
  readonly pieces: Uint8Array[];
  bytes: number;
  /** Monotonic time at which it fails, unless a byte comes before. */
  deadline: number;
}

/** Requests data from the Manager over one connection. Requests only read, so a lost answer can be asked for again. */
export class DataClient {
  readonly #peer: DataPeer;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #pending = new Map<bigint, Pending>();
  /** Requests that wait for their turn. */
  readonly #waiting: (() => void)[] = [];
  /** Timer of all requests, set to the earliest deadline or before: one for each piece of a large file would cost more. */
  #timer: Timer | undefined;
  #lastId = 0n;
  #closed = false;

  constructor(peer: DataPeer, clock: Clock, counters: Counters) {
    this.#peer = peer;
    this.#clock = clock;
    this.#counters = counters;
  }

  /** Count of requests that wait for their answer. */
  get underWay(): number {
    return this.#pending.size;
  }

  /**
   * Sends a request and returns its answer.
   *
   * @throws {PiriError} the Manager's error; UNAVAILABLE if the connection ends; TIMED_OUT
   */
  async request(type: string, data: string): Promise<string | Uint8Array> {
    while (this.#pending.size >= MAX_AT_ONCE && !this.#closed) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#closed) throw unavailable(type);
    this.#lastId++;
    const requestId = this.#lastId;
    const pending: Pending = {
      type,
      answer: Promise.withResolvers(),
      pieces: [],
      bytes: 0,
      deadline: this.#clock.monotonic() + TIMEOUT_MS,
    };
    this.#pending.set(requestId, pending);
    this.#timer ??= this.#clock.timer(TIMEOUT_MS, () => this.#fail());
    try {
      // Sent while the answer is awaited, so that the timeout also ends a request that the peer never reads.
      this.#peer.send({
        case: "dataRequest",
        value: createDataRequest({ requestId, type, data }),
      }).catch((error) => pending.answer.reject(error));
      return await pending.answer.promise;
    } finally {
      this.#pending.delete(requestId);
      if (this.#pending.size === 0) this.#stopTimer();
      this.#waiting.shift()?.();
    }
  }

  /** Takes an answer, or a piece of one. */
  settle({ requestId, ok, value, more }: DataResponse): void {
    const pending = this.#pending.get(requestId);
    if (pending === undefined) {
      this.#counters.add("data_responses_late");
      return;
    }
    if (!ok) {
      pending.answer.reject(
        refusal(pending.type, value.case === "string" ? value.value : ""),
      );
      return;
    }
    if (value.case !== "bytes") {
      pending.answer.resolve(value.case === "string" ? value.value : "");
      return;
    }
    pending.pieces.push(value.value);
    pending.bytes += value.value.length;
    if (pending.bytes > MAX_ANSWER_BYTES) {
      pending.answer.reject(
        new PiriError(
          "PROTOCOL_VIOLATION",
          `Cannot take the answer to "${pending.type}": it is over the limit of ${MAX_ANSWER_BYTES} bytes`,
        ),
      );
    } else if (more) {
      pending.deadline = this.#clock.monotonic() + TIMEOUT_MS;
    } else {
      pending.answer.resolve(joined(pending.pieces));
    }
  }

  /** Notes the end of the connection: no request will be answered any more. */
  close(): void {
    this.#closed = true;
    for (const { answer, type } of this.#pending.values()) {
      answer.reject(unavailable(type));
    }
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Fails the requests that are due, and sets the timer for the others. */
  #fail(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const { answer, deadline, type } of this.#pending.values()) {
      if (deadline <= now) answer.reject(late(type));
      else next = Math.min(next, deadline);
    }
    if (next === Infinity) return;
    this.#timer = this.#clock.timer(next - now, () => this.#fail());
  }
}

function late(type: string): PiriError {
  return new PiriError(
    "TIMED_OUT",
    `Cannot get "${type}" from the Manager: nothing came for ${
      TIMEOUT_MS / 1_000
    } s`,
  );
}

function unavailable(type: string): PiriError {
  return new PiriError(
    "UNAVAILABLE",
    `Cannot get "${type}" from the Manager: the connection is down`,
  );
}

/** Turns the Manager's refusal into an error. Ours begins with a code; a legacy Manager sends only text. */
function refusal(type: string, text: string): PiriError {
  const [, code = "", message = ""] = /^([A-Z_]+): (.*)$/s.exec(text) ?? [];
  return new PiriError(
    asErrorCode(code) ?? "REFUSED",
    message || `Cannot get "${type}" from the Manager: ${text || "it refused"}`,
  );
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : concat(pieces);
}
