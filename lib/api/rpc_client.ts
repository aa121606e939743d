import { concat } from "@std/bytes/concat";
import { messageOf, PiriError } from "../base/errors.ts";
import { joint } from "../base/signals.ts";
import { decode } from "../protobuf/protobuf_reader.ts";
import { encode } from "../protobuf/protobuf_writer.ts";
import { callName } from "./calls.ts";
import {
  cutShort,
  END_STREAM,
  enveloped,
  readEnvelopes,
  STREAM_TYPE,
} from "./envelopes.ts";
import type { HttpAnswer, Send } from "./http_client.ts";
import type {
  CallOptions,
  RpcMethod,
  RpcService,
  ServiceClient,
} from "../protobuf/rpc_service.ts";
import { fromWire, readError } from "./wire_errors.ts";

/** Type of requests and answers of one message (connectrpc.com/docs/protocol). */
const UNARY_TYPE = "application/proto";

/** Largest answer that a client accepts, in bytes: 1,000 commands with all their fields. */
const MAX_ANSWER_BYTES = 512 * 1_048_576;

/** Header that goes with one request, and what to do once it was sent. */
export interface Proof extends AsyncDisposable {
  readonly header: readonly [name: string, value: string];
}

/** Way to a Manager. */
export interface RpcLink {
  readonly send: Send;
  readonly baseUrl: string;
  /** Proves who asks, for calls that need it. `call` is a name of the table in calls.ts. */
  readonly prove?: (
    call: string,
    signal: AbortSignal,
  ) => Promise<Proof | undefined>;
}

/** One call on its way. */
interface Call {
  readonly link: RpcLink;
  readonly service: RpcService;
  /** Name of the method in code. */
  readonly localName: string;
  readonly method: AnyMethod;
  readonly request: object;
  readonly options: CallOptions;
}

type AnyMethod = RpcMethod<unknown, object, object>;

/** Makes the client of a service. Its calls and streams reject with a PiriError. */
export function serviceClient<Service extends RpcService>(
  service: Service,
  link: RpcLink,
): ServiceClient<Service> {
  const calls = Object.entries<AnyMethod>(service.methods).map(
    ([localName, method]) => [
      localName,
      (init: object, options: CallOptions = {}) => {
        const request = method.create(init);
        const call = { link, service, localName, method, request, options };
        return method.isStream ? streamed(call) : answered(call);
      },
    ],
  );
  return Object.fromEntries(calls);
}

/** Asks for one message. */
async function answered(call: Call): Promise<object> {
  using bounds = new Bounds(call.options);
  const { read } = call.method;
  try {
    const { status, header, body } = await send(call, {
      type: UNARY_TYPE,
      bytes: encoded(call),
      signal: bounds.signal,
    });
    const bytes = await whole(body);
    if (status !== 200) throw readError(jsonOf(bytes), [header], status);
    requireType(header, UNARY_TYPE);
    return decode(read, bytes);
  } catch (error) {
    throw bounds.errorOf(error);
  }
}

/**
 * Asks for messages. Not a generator, which would end with the first loop that is left: a stream ends by its signal.
 */
function streamed(call: Call): AsyncIterable<object> {
  const bounds = new Bounds(call.options);
  const opened = send(call, {
    type: STREAM_TYPE,
    bytes: enveloped(encoded(call)),
    signal: bounds.signal,
  });
  // Whoever never reads it does not learn its error either.
  opened.catch(() => {});
  const messages = messagesOf(opened, call.method, bounds);
  return {
    [Symbol.asyncIterator]: () => ({ next: () => messages.next() }),
  };
}

async function* messagesOf(
  opened: Promise<HttpAnswer>,
  { read }: AnyMethod,
  bounds: Bounds,
): AsyncGenerator<object> {
  using _until = bounds;
  try {
    const { status, header, body } = await opened;
    if (status !== 200) throw readError(undefined, [header], status);
    requireType(header, STREAM_TYPE);
    for await (
      const { flags, bytes } of readEnvelopes(body, MAX_ANSWER_BYTES)
    ) {
      if ((flags & END_STREAM) !== 0) return endOf(bytes, header);
      yield decode(read, bytes);
    }
    throw cutShort();
  } catch (error) {
    throw bounds.errorOf(error);
  }
}

/** Reads how a stream ended. */
function endOf(bytes: Uint8Array, header: Headers): void {
  const json = jsonOf(bytes);
  if (typeof json !== "object" || json === null) {
    throw broken("its answer has no proper end");
  }
  const { error, metadata } = { error: undefined, metadata: {}, ...json };
  if (error === undefined || error === null) return;
  if (typeof error !== "object") throw broken("its answer has no proper end");
  throw readError(error, [trailerOf(metadata), header], 200);
}

function trailerOf(metadata: unknown): Headers {
  const trailer = new Headers();
  if (typeof metadata !== "object" || metadata === null) return trailer;
  for (const [name, values] of Object.entries(metadata)) {
    if (!Array.isArray(values)) continue;
    for (const value of values) trailer.append(name, String(value));
  }
  return trailer;
}

/** Sends the request of a call, with a proof of who asks if the call needs one. */
async function send(
  { link, service, localName, method, options }: Call,
  { type, bytes, signal }: {
    readonly type: string;
    readonly bytes: Uint8Array;
    readonly signal: AbortSignal;
  },
): Promise<HttpAnswer> {
  const call = callName(service, { localName });
  await using proof = await link.prove?.(call, signal);
  const header = new Headers({
    "content-type": type,
    "connect-protocol-version": "1",
  });
  if (options.timeoutMs !== undefined) {
    header.set("connect-timeout-ms", String(Math.ceil(options.timeoutMs)));
  }
  if (proof !== undefined) header.set(...proof.header);
  return await link.send({
    url: `${link.baseUrl}/${service.typeName}/${method.name}`,
    method: "POST",
    header,
    body: asBody(bytes),
    signal,
  });
}

function encoded({ method, request }: Call): Uint8Array<ArrayBuffer> {
  return encode(method.write, request);
}

async function* asBody(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Reads an answer of one message. */
async function whole(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length > MAX_ANSWER_BYTES) {
      throw new PiriError(
        "PROTOCOL_VIOLATION",
        `Cannot read the Manager's answer: it has over ${MAX_ANSWER_BYTES} bytes`,
      );
    }
  }
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : concat(parts);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Whoever answers with another type is no Manager, but something on the way. */
function requireType(header: Headers, type: string): void {
  const got = header.get("content-type") ?? "nothing";
  if (got !== type) throw broken(`the answer is ${got} instead of ${type}`);
}

function broken(why: string): PiriError {
  return fromWire({ code: "unavailable", message: why, piriCode: "" });
}

/** Signal and time of a call. */
class Bounds implements Disposable {
  readonly signal: AbortSignal;
  readonly #undo = new DisposableStack();

  constructor({ signal, timeoutMs }: CallOptions) {
    const asked = signal === undefined ? [] : [signal];
    if (timeoutMs === undefined) {
      this.signal = this.#undo.use(joint(asked)).signal;
      return;
    }
    const late = new AbortController();
    const timer = setTimeout(
      () =>
        late.abort(
          new PiriError(
            "TIMED_OUT",
            "Cannot wait longer for the Manager's answer",
          ),
        ),
      timeoutMs,
    );
    this.#undo.defer(() => clearTimeout(timer));
    this.signal = this.#undo.use(joint([...asked, late.signal])).signal;
  }

  /** Error of a call that failed with this one. */
  errorOf(error: unknown): PiriError {
    if (this.signal.aborted) {
      const { reason } = this.signal;
      return reason instanceof PiriError
        ? reason
        : new PiriError("CANCELLED", messageOf(reason), { cause: reason });
    }
    return error instanceof PiriError
      ? error
      : new PiriError("INTERNAL", messageOf(error), { cause: error });
  }

  [Symbol.dispose](): void {
    this.#undo.dispose();
  }
}
