import { concat } from "@std/bytes/concat";
import { PiriError } from "../base/errors.ts";
import { release } from "../base/memory.ts";
import { joint, type JointSignal } from "../base/signals.ts";
import { formatAddress } from "../base/address.ts";
import { withVariables } from "../base/variables.ts";
import type { Endpoint } from "./endpoint.ts";

/** Type of a request that is nothing but bytes. It is sent as a stream, and never held as a whole. */
export const BYTES_TYPE = "application/octet-stream";

/** Size from which on the memory of a request is worth freeing at once. */
const LARGE_BYTES = 65_536;

/** A request over HTTP. */
export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly header: Headers;
  readonly body?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** The answer to a request over HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly header: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Sends a request, and resolves with the beginning of its answer. */
export type Send = (request: HttpRequest) => Promise<HttpAnswer>;

/** An HTTP client of one endpoint. */
export interface EndpointClient extends Disposable {
  readonly baseUrl: string;
  readonly send: Send;
}

/** Makes the errors of an endpoint client. */
export interface Trouble {
  /** Makes the error of a request that could not be sent. */
  unreachable(cause: unknown): Promise<PiriError>;
  /** Makes the error of an answer that was cut short. */
  cutShort(cause: unknown): PiriError;
}

/** Makes a client of this endpoint only, regardless of proxies in the environment. */
export function openEndpointClient(
  endpoint: Endpoint,
  trouble: Trouble,
): EndpointClient {
  const http = newHttpClient(endpoint);
  // Closing the HTTP client alone leaves its open answers open.
  const disposed = new AbortController();
  return {
    baseUrl: baseUrlOf(endpoint),
    async send(request) {
      const asked = request.signal === undefined ? [] : [request.signal];
      const end = joint([disposed.signal, ...asked]);
      const { signal } = end;
      try {
        const response = await ask(request, {
          http,
          endpoint,
          signal,
          trouble,
        });
        return {
          status: response.status,
          header: response.headers,
          body: read(response.body, { end, trouble }),
        };
      } catch (error) {
        end[Symbol.dispose]();
        throw error;
      }
    },
    [Symbol.dispose]() {
      disposed.abort(
        new PiriError(
          "CANCELLED",
          "Cannot finish the call: its client was closed",
        ),
      );
      http.close();
    },
  };
}

function optionsOf(
  endpoint: Endpoint,
): Deno.CreateHttpClientOptions {
  switch (endpoint.transport) {
    case "unix":
      return { proxy: { transport: "unix", path: endpoint.path } };
    case "tcp": {
      const { hostname, port } = endpoint;
      return { proxy: { transport: "tcp", hostname, port } };
    }
    // No proxy of type "tcp": through one Deno sends an https URL as plain text.
    case "tls":
      return { caCerts: [endpoint.caPem] };
  }
}

/** Environment that names no proxy. Deno reads it when a client is made. */
const NO_PROXIES = Object.fromEntries(
  ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    .flatMap((name) => [name, name.toLowerCase()])
    .map((name) => [name, undefined]),
);

/** Makes the HTTP client of an endpoint, which uses no proxy of the environment. */
function newHttpClient(endpoint: Endpoint): Deno.HttpClient {
  using _environment = withVariables(NO_PROXIES);
  return Deno.createHttpClient(optionsOf(endpoint));
}

function baseUrlOf(endpoint: Endpoint): string {
  if (endpoint.transport === "unix") return "http://localhost";
  const { transport, hostname, port } = endpoint;
  const scheme = transport === "tls" ? "https" : "http";
  return `${scheme}://${formatAddress({ host: hostname, port })}`;
}

async function ask(
  { url, method, header, body }: HttpRequest,
  { http, endpoint, signal, trouble }: {
    http: Deno.HttpClient;
    endpoint: Endpoint;
    signal: AbortSignal;
    trouble: Trouble;
  },
): Promise<Response> {
  const headers = new Headers(header);
  if (endpoint.transport !== "unix" && endpoint.token !== undefined) {
    headers.set("authorization", `Bearer ${endpoint.token}`);
  }
  const bytes = body === undefined ? null : await payloadOf(body, header);
  const rejection = Promise.withResolvers<never>();
  const abort = () => rejection.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const answer = fetch(url, {
      method,
      headers,
      body: bytes,
      signal,
      client: http,
      redirect: "error",
    });
    return await Promise.race([answer, rejection.promise]);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw await trouble.unreachable(error);
  } finally {
    signal.removeEventListener("abort", abort);
    const isLarge = bytes instanceof Uint8Array && bytes.length >= LARGE_BYTES;
    if (isLarge) release(bytes);
  }
}

/** Body for fetch. All but uploads are small and known as a whole, and go with their length rather than as a stream. */
async function payloadOf(
  parts: AsyncIterable<Uint8Array>,
  header: Headers,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>> {
  return header.get("content-type") === BYTES_TYPE
    ? ReadableStream.from(parts)
    : await gather(parts);
}

async function gather(
  parts: AsyncIterable<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
  const all = await Array.fromAsync(parts);
  const [only] = all;
  // The one part of a large request is not copied: it was encoded for this request alone.
  return all.length === 1 && only?.buffer instanceof ArrayBuffer
    ? only as Uint8Array<ArrayBuffer>
    : concat(all);
}

/**
 * Reads the bytes of an answer. Aborting ends it at once: the signal that Deno 2.7 derives for fetch is held by
 * nothing, and is sometimes collected before it fires.
 */
async function* read(
  body: ReadableStream<Uint8Array> | null,
  { end, trouble }: { end: JointSignal; trouble: Trouble },
): AsyncGenerator<Uint8Array> {
  using _until = end;
  if (body === null) return;
  const { signal } = end;
  const reader = body.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop, { once: true });
  try {
    signal.throwIfAborted();
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw trouble.cutShort(error);
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}
