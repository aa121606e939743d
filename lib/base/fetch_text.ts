import type { Clock } from "./clock.ts";
import { messageOf, PiriError } from "./errors.ts";

/** Longest time for a whole answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** Largest answer, in bytes. */
const MAX_BYTES = 262_144;

export interface FetchTextOptions {
  readonly clock: Clock;
  /** Headers besides those of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Authorities to trust besides those of Deno, PEM. */
  readonly authorities?: readonly string[];
  /** True if a server of this machine may be asked without TLS. */
  readonly loopback?: boolean;
}

/**
 * Fetches a small text over TLS: 256 KiB at most, within 10 s, and without redirects.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a URL that is not https; UNAVAILABLE
 */
export async function fetchText(
  url: string,
  { clock, headers = {}, authorities = [], loopback = false }: FetchTextOptions,
): Promise<string> {
  const place = requireSafe(url, loopback);
  const refuse = (fact: string, cause?: unknown) =>
    new PiriError("UNAVAILABLE", `Cannot fetch "${place}": ${fact}`, { cause });
  const late = Promise.withResolvers<never>();
  const cut = new AbortController();
  const timer = clock.timer(TIMEOUT_MS, () => {
    late.reject(refuse("there was no answer within 10 s"));
    cut.abort();
  });
  const client = Deno.createHttpClient({ caCerts: [...authorities] });
  const answer = async () => {
    const { signal } = cut;
    const response = await fetch(url, {
      client,
      headers,
      signal,
      redirect: "manual",
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw refuse(`it answered ${response.status}`);
    }
    const bytes = await readAtMost(response, MAX_BYTES);
    if (bytes !== undefined) return new TextDecoder().decode(bytes);
    throw refuse(`it has over ${MAX_BYTES} bytes`);
  };
  try {
    return await Promise.race([answer(), late.promise]);
  } catch (error) {
    if (error instanceof PiriError) throw error;
    throw refuse(fetchFailureOf(error), error);
  } finally {
    timer.cancel();
    client.close();
  }
}

/** Reason of an error of `fetch`. Deno gives it as the message, and since 2.9 as that of the cause. */
export function fetchFailureOf(error: unknown): string {
  const isWrapped = error instanceof TypeError && error.cause instanceof Error;
  return messageOf(isWrapped ? error.cause : error);
}

/**
 * URL without what is not for a message.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
function requireSafe(url: string, loopback: boolean): string {
  const parsed = URL.parse(url);
  if (parsed === null) {
    throw new PiriError("INVALID_ARGUMENT", `Cannot fetch "${url}": no URL`);
  }
  const { protocol, hostname, origin, pathname } = parsed;
  const place = `${origin}${pathname}`;
  const isHere = ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
  if (protocol === "https:" || (loopback && protocol === "http:" && isHere)) {
    return place;
  }
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot fetch "${place}": it is not an https URL`,
  );
}

/** Body of an answer; undefined if it is larger. */
async function readAtMost(
  { body }: Response,
  most: number,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    if (size > most) return undefined;
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
