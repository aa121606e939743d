import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  type Command,
  OutputStream,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
  type WriteFailureSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { ErrorCode } from "../../lib/base/errors.ts";

/** An error of the Manager, as its API answers it. */
export function apiError(
  code: ErrorCode,
  message: string,
  connectCode: Code = Code.Unknown,
): ConnectError {
  return new ConnectError(message, connectCode, { "piri-code": code });
}

/** A stream of events that a client reads, with its request. */
export class Watch {
  readonly #queue: (() => WatchResponse | undefined)[] = [];
  #news = Promise.withResolvers<void>();
  /** True once the client has gone. */
  left = false;

  /** @param others Watches that tell the same. */
  constructor(
    readonly request: WatchRequest,
    private readonly others: readonly Watch[] = [],
  ) {}

  /** Sends the current state of a command. */
  state(given: Command): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        commandId: given.id,
        event: { case: "command", value: given },
      })
    );
  }

  output(
    id: bigint,
    text: string | Uint8Array<ArrayBuffer>,
    { stream = "stdout", offset = 0n, cut = 0n, at = Date.UTC(2026, 0, 1) }: {
      stream?: "stdout" | "stderr";
      offset?: bigint;
      cut?: bigint;
      /** Arrival at the Manager, in milliseconds since 1970. */
      at?: number;
    } = {},
  ): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        commandId: id,
        event: {
          case: "output",
          value: {
            stream: stream === "stdout"
              ? OutputStream.STDOUT
              : OutputStream.STDERR,
            offset,
            bytes: typeof text === "string"
              ? new TextEncoder().encode(text)
              : text,
            cut,
            atMs: BigInt(at),
          },
        },
      })
    );
  }

  progress(id: bigint, current: number, total: number, message = ""): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        commandId: id,
        event: { case: "progress", value: { current, total, message } },
      })
    );
  }

  cutOff(id: bigint, reason: string): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        commandId: id,
        event: { case: "cutOff", value: { reason } },
      })
    );
  }

  /** Tells that the Manager cannot write its database, or can again. */
  storage(failure?: MessageInitShape<typeof WriteFailureSchema>): this {
    return this.#push(() =>
      create(WatchResponseSchema, {
        event: {
          case: "storage",
          value: failure === undefined ? {} : { failure },
        },
      })
    );
  }

  /** Ends the stream as a Manager does. */
  end(): void {
    this.#push(() => undefined);
  }

  /** Ends the stream with an error, by default that of a broken connection. */
  fail(
    error: ConnectError = new ConnectError("connection reset", Code.Unknown),
  ): void {
    this.#push(() => {
      throw error;
    });
  }

  async *events(signal: AbortSignal): AsyncGenerator<WatchResponse> {
    signal.addEventListener("abort", () => {
      this.left = true;
      this.end();
    });
    while (true) {
      const next = this.#queue.shift();
      if (next === undefined) {
        await this.#news.promise;
        this.#news = Promise.withResolvers();
        continue;
      }
      const response = next();
      if (response === undefined) return;
      yield response;
    }
  }

  #push(next: () => WatchResponse | undefined): this {
    for (const other of this.others) other.#push(next);
    this.#queue.push(next);
    this.#news.resolve();
    return this;
  }
}
