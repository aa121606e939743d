import type { ContextValues } from "@connectrpc/connect";
import {
  type UniversalHandler,
  universalServerResponseToFetch,
} from "@connectrpc/connect/protocol";
import { type Clock, within } from "../base/clock.ts";
import { release } from "../base/memory.ts";

/** Longest time for the body of a request, in milliseconds. */
const BODY_MS = 30_000;

/** Serves a request. The signal is aborted when its answer has no reader any more. */
export type Handler = (
  request: Request,
  context: {
    readonly contextValues: ContextValues;
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

/**
 * Serves a unary method, and reads the body of each request as a whole.
 *
 * Piece by piece, a large request leaves much more to the next garbage collection. Connect checks the length in the
 * header before it asks for the body, and copies the body at once.
 */
export function readingWhole(
  handler: UniversalHandler,
  { clock, otherwise }: { readonly clock: Clock; readonly otherwise: Handler },
): Handler {
  return async (request, context) => {
    const { method, url, headers } = request;
    // Without a length, the body could be of any size.
    if (!headers.has("content-length")) {
      return await otherwise(request, context);
    }
    const response = await handler({
      httpVersion: "",
      method,
      url,
      header: headers,
      body: wholeBody(request, clock),
      ...context,
    });
    return universalServerResponseToFetch(response);
  };
}

async function* wholeBody(
  request: Request,
  clock: Clock,
): AsyncGenerator<Uint8Array> {
  const body = new Uint8Array(
    await within(
      clock,
      BODY_MS,
      request.arrayBuffer(),
      `Cannot read the request: it did not come whole within ${
        BODY_MS / 1_000
      } s`,
    ),
  );
  yield body;
  release(body);
}
