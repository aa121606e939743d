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

/** The same messages. Not a generator: to read on after the end, or after an error, is the source's business. */
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
