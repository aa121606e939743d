import {
  type UniversalHandler,
  universalServerResponseToFetch,
} from "@connectrpc/connect/protocol";
import { release } from "../base/memory.ts";

/**
 * Serves a unary method, and reads the body of each request as a whole.
 *
 * Piece by piece, a large request leaves much more to the next garbage collection. Connect checks the length in the
 * header before it asks for the body, and copies the body at once.
 */
export function readingWhole(
  handler: UniversalHandler,
  otherwise: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const { method, url, headers, signal } = request;
    // Without a length, the body could be of any size.
    if (!headers.has("content-length")) return await otherwise(request);
    const response = await handler({
      httpVersion: "",
      method,
      url,
      header: headers,
      body: wholeBody(request),
      signal,
    });
    return universalServerResponseToFetch(response);
  };
}

async function* wholeBody(request: Request): AsyncGenerator<Uint8Array> {
  const body = new Uint8Array(await request.arrayBuffer());
  yield body;
  release(body);
}
