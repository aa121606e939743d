import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { PiriError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { toConnectError } from "./errors.ts";

/**
 * Translates the errors of services for clients, in single answers and in streams.
 *
 * A stream also ends with an error as soon as its client has gone or the Manager stops, even if its source still waits.
 */
export function errorInterceptor(log: Logger): Interceptor {
  return (next) => async (request) => {
    const { signal } = request;
    const method = request.method.name;
    const toVisible = (error: unknown) =>
      visibleError(error, { signal, method, log });
    try {
      const response = await next(request);
      return response.stream
        ? {
          ...response,
          message: guard(response.message, { signal, toVisible }),
        }
        : response;
    } catch (error) {
      throw toVisible(error);
    }
  };
}

function visibleError(
  error: unknown,
  { signal, method, log }: {
    signal: AbortSignal;
    method: string;
    log: Logger;
  },
): ConnectError {
  if (error instanceof PiriError) return toConnectError(error);
  // Connect's own, as for a request that cannot be decoded, or the reason that the Manager stops.
  if (error instanceof ConnectError) return error;
  if (signal.aborted) {
    return new ConnectError("The client has gone", Code.Canceled);
  }
  log.error("Cannot answer {method}: {error}", { method, error });
  return toConnectError(
    new PiriError(
      "INTERNAL",
      `Cannot answer ${method}: the Manager failed, and its log says how`,
    ),
  );
}

/** Pulls one message at a time on request, so that a slow client slows the source. */
async function* guard<T>(
  messages: AsyncIterable<T>,
  { signal, toVisible }: {
    signal: AbortSignal;
    toVisible: (error: unknown) => ConnectError;
  },
): AsyncGenerator<T> {
  const source = messages[Symbol.asyncIterator]();
  // Not Promise.race with one promise for all rounds: that one would remember every round.
  let giveUp: (reason: unknown) => void = () => {};
  const onAbort = () => giveUp(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (true) {
      const { done, value } = await new Promise<IteratorResult<T>>(
        (resolve, reject) => {
          giveUp = reject;
          if (signal.aborted) reject(signal.reason);
          else source.next().then(resolve, reject);
        },
      );
      if (done) break;
      yield value;
    }
  } catch (error) {
    throw toVisible(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Not waited for: a source that is in the middle of a wait answers only after it. Its errors have no reader.
    source.return?.().then(undefined, () => {});
  }
}
