import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { joint } from "../../base/signals.ts";
import type { WebAnswer, WebContent, WebRequest } from "./host.ts";

/** Longest time until a server begins its answer, and between two pieces of it, in milliseconds. */
const MAX_SILENCE_MS = 60_000;

/** Most redirects that are followed. */
const MAX_REDIRECTS = 10;

/** Means of asking a server. */
export interface WebParts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Answer to a request, without its content. */
export async function askServer(
  request: WebRequest,
  parts: WebParts,
): Promise<WebAnswer> {
  using silence = new Silence(request.url, parts);
  const response = await send("HEAD", request, silence);
  await response.body?.cancel();
  return answerOf(response);
}

/**
 * Content behind a URL, in pieces as they come. It can be read once.
 *
 * @throws {PiriError} UNAVAILABLE if the server does not answer; FAILED_PRECONDITION if it has another answer than 200
 */
export async function download(
  request: WebRequest,
  parts: WebParts,
): Promise<WebContent> {
  const silence = new Silence(request.url, parts);
  try {
    const response = await send("GET", request, silence);
    if (response.status === 200) {
      return { ...answerOf(response), pieces: () => pieces(response, silence) };
    }
    await response.body?.cancel();
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot download "${
        shownUrl(request.url)
      }": the server answers ${response.status}`,
    );
  } catch (error) {
    silence[Symbol.dispose]();
    throw error;
  }
}

async function* pieces(
  { body }: Response,
  silence: Silence,
): AsyncGenerator<Uint8Array> {
  using ended = silence;
  try {
    for await (const piece of body ?? []) {
      ended.broken();
      yield piece;
    }
  } catch (error) {
    throw ended.errorOf(error);
  }
}

/** Follows redirects by itself: headers may hold a token, which is for the named server only. */
async function send(
  method: "GET" | "HEAD",
  { url, headers = {} }: WebRequest,
  silence: Silence,
): Promise<Response> {
  let place = parsed(url);
  let own: Readonly<Record<string, string>> = headers;
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    let response: Response;
    try {
      response = await fetch(place, {
        method,
        // A server that packs its answer would send other bytes than the file has.
        headers: { "accept-encoding": "identity", ...own },
        redirect: "manual",
        signal: silence.signal,
      });
    } catch (error) {
      throw silence.errorOf(error);
    }
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      return response;
    }
    await response.body?.cancel();
    const next = parsed(new URL(location, place).href);
    if (next.origin !== place.origin) own = {};
    if (place.protocol === "https:" && next.protocol !== "https:") {
      throw new PiriError(
        "REFUSED",
        `Cannot download "${
          shownUrl(url)
        }": it leads from https to http, where anybody can change it`,
      );
    }
    place = next;
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot download "${
      shownUrl(url)
    }": it leads on more than ${MAX_REDIRECTS} times`,
  );
}

/** True for a URL of a server: with https:// or http://. */
export function isWebUrl(url: string): boolean {
  const place = URL.canParse(url) ? new URL(url) : undefined;
  return place?.protocol === "https:" || place?.protocol === "http:";
}

function parsed(url: string): URL {
  if (isWebUrl(url)) return new URL(url);
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot download "${shownUrl(url)}": a URL begins with https:// or http://`,
  );
}

/** URL without its user, password and query, which may be secrets. */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return url.slice(0, 200);
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function answerOf({ status, headers }: Response): WebAnswer {
  const etag = headers.get("etag");
  const size = headers.get("content-length");
  return {
    status,
    ...etag === null ? {} : { etag },
    ...size === null || !/^\d+$/.test(size) ? {} : { size: Number(size) },
  };
}

/** End of a request by a cancel, or once nothing has come for too long. */
class Silence {
  readonly #url: string;
  readonly #parts: WebParts;
  readonly #late = new AbortController();
  readonly #end: ReturnType<typeof joint>;
  #timer: { cancel(): void };

  constructor(url: string, parts: WebParts) {
    this.#url = url;
    this.#parts = parts;
    this.#end = joint([parts.signal, this.#late.signal]);
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Notes that something has come. */
  broken(): void {
    this.#timer.cancel();
    this.#timer = this.#start();
  }

  errorOf(error: unknown): PiriError {
    if (error instanceof PiriError) return error;
    if (error instanceof Deno.errors.NotCapable) {
      return new PiriError(
        "UNSUPPORTED",
        "Cannot connect anywhere: this agent was built to connect to its Manager only",
        { cause: error },
      );
    }
    const isCancelled = this.#parts.signal.aborted;
    return new PiriError(
      isCancelled ? "CANCELLED" : "UNAVAILABLE",
      `Cannot download "${shownUrl(this.#url)}": ${
        isCancelled
          ? "the command was cancelled"
          : this.#late.signal.aborted
          ? `nothing has come for ${MAX_SILENCE_MS / 1_000} s`
          : "the server cannot be reached, or has ended the connection"
      }`,
      { cause: error },
    );
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
    this.#end[Symbol.dispose]();
  }

  #start(): { cancel(): void } {
    return this.#parts.clock.timer(MAX_SILENCE_MS, () => this.#late.abort());
  }
}
