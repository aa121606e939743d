import {
  type ContextValues,
  createContextKey,
  createContextValues,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { ENVELOPE_BYTES, STREAM_TYPE } from "./envelopes.ts";

/** Envelopes made by a stream itself, in order. */
const key = createContextKey<Uint8Array[] | undefined>(undefined);

/** List for the envelopes that a service makes itself; undefined if the stream takes none. */
export function preparedOf(values: ContextValues): Uint8Array[] | undefined {
  return values.get(key);
}

/**
 * Lets a streaming method make the envelopes of large messages itself, because Connect copies each of them four times.
 * In place of each empty message, the next prepared envelope is sent.
 */
export function takingPrepared(handler: UniversalHandler): UniversalHandler {
  return Object.assign(async (request: Parameters<UniversalHandler>[0]) => {
    if (request.header.get("content-type") !== STREAM_TYPE) {
      return await handler(request);
    }
    const prepared: Uint8Array[] = [];
    const contextValues = (request.contextValues ?? createContextValues())
      .set(key, prepared);
    const response = await handler({ ...request, contextValues });
    const { body } = response;
    return body === undefined || body instanceof Uint8Array
      ? response
      : { ...response, body: replaced(body, prepared) };
  }, handler);
}

async function* replaced(
  body: AsyncIterable<Uint8Array>,
  prepared: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  for await (const envelope of body) {
    const stands = envelope.length === ENVELOPE_BYTES && envelope[0] === 0;
    yield stands ? prepared.shift() ?? envelope : envelope;
  }
}
