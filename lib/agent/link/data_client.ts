import {
  createDataRequest,
  type DataResponse,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { asErrorCode, PiriError } from "../../base/errors.ts";
import type { Body } from "../../wire/message.ts";

/** A request without a byte of its answer for so long has failed, milliseconds. */
const TIMEOUT_MS = 30_000;

/** So many requests are under way at a time, and the others wait: a Manager refuses what goes beyond 32. */
const MAX_AT_ONCE = 32;

/** An answer in several pieces may be so long in all, bytes. */
const ANSWER_BYTES = 1_048_576;

/** The connection that requests go to. */
export interface DataPeer {
  send(body: Body): Promise<void>;
}

interface Pending {
  readonly type: string;
  readonly answer: PromiseWithResolvers<string | Uint8Array>;
  readonly pieces: Uint8Array[];
  bytes: number;
  timer: Timer;
}

/** Asks the Manager for data, over one connection. Requests only read: whoever lost an answer may ask again. */
export class DataClient {
  readonly #peer: DataPeer;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #pending = new Map<bigint, Pending>();
  /** Those that wait for their turn. */
  readonly #waiting: (() => void)[] = [];
  #lastId = 0n;
  #closed = false;

  constructor(peer: DataPeer, clock: Clock, counters: Counters) {
    this.#peer = peer;
    this.#clock = clock;
    this.#counters = counters;
  }

  /** How many requests wait for their answers. */
  get underWay(): number {
    return this.#pending.size;
  }

  /** Asks. @throws {PiriError} what the Manager answers; UNAVAILABLE if the connection ends; TIMED_OUT */
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
      timer: this.#timer(requestId, type),
    };
    this.#pending.set(requestId, pending);
    try {
      // Beside the answer, so that a peer that does not read ends it in time, too.
      this.#peer.send({
        case: "dataRequest",
        value: createDataRequest({ requestId, type, data }),
      }).catch((error) => pending.answer.reject(error));
      return await pending.answer.promise;
    } finally {
      pending.timer.cancel();
      this.#pending.delete(requestId);
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
    if (pending.bytes > ANSWER_BYTES) {
      pending.answer.reject(
        new PiriError(
          "PROTOCOL_VIOLATION",
          `Cannot take the answer to "${pending.type}": it is over the limit of ${ANSWER_BYTES} bytes`,
        ),
      );
    } else if (more) {
      pending.timer.cancel();
      pending.timer = this.#timer(requestId, pending.type);
    } else {
      pending.answer.resolve(joined(pending.pieces, pending.bytes));
    }
  }

  /** The connection ended: nothing more will be answered. */
  close(): void {
    this.#closed = true;
    for (const { answer, type } of this.#pending.values()) {
      answer.reject(unavailable(type));
    }
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #timer(requestId: bigint, type: string): Timer {
    return this.#clock.timer(
      TIMEOUT_MS,
      () =>
        this.#pending.get(requestId)?.answer.reject(
          new PiriError(
            "TIMED_OUT",
            `Cannot get "${type}" from the Manager: nothing came for ${
              TIMEOUT_MS / 1_000
            } s`,
          ),
        ),
    );
  }
}

function unavailable(type: string): PiriError {
  return new PiriError(
    "UNAVAILABLE",
    `Cannot get "${type}" from the Manager: the connection is down`,
  );
}

/** The Manager's reason. Ours begin with a code; a legacy Manager sends text only. */
function refusal(type: string, text: string): PiriError {
  const [, code = "", message = ""] = /^([A-Z_]+): (.*)$/s.exec(text) ?? [];
  return new PiriError(
    asErrorCode(code) ?? "REFUSED",
    message || `Cannot get "${type}" from the Manager: ${text || "it refused"}`,
  );
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
