import type { Transport } from "@connectrpc/connect";
import { toPiriError } from "./errors.ts";

/** A transport whose calls and streams reject with a PiriError, and never with a ConnectError. */
export function withPiriErrors(transport: Transport): Transport {
  return {
    async unary(...call) {
      try {
        return await transport.unary(...call);
      } catch (error) {
        throw toPiriError(error);
      }
    },
    async stream(...call) {
      try {
        const response = await transport.stream(...call);
        return { ...response, message: translated(response.message) };
      } catch (error) {
        throw toPiriError(error);
      }
    },
  };
}

/** Messages whose errors are translated. Not a generator: after its end or an error, the source still decides. */
function translated<T>(messages: AsyncIterable<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const source = messages[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            return await source.next();
          } catch (error) {
            throw toPiriError(error);
          }
        },
      };
    },
  };
}
