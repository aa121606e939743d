import { create, toBinary } from "@bufbuild/protobuf";
import {
  OutputSchema,
  OutputStream,
  type WatchResponse,
  WatchResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { WatchEvent } from "../manager/api/operator_api.ts";
import { release } from "../base/memory.ts";
import type { StreamName } from "../store/records.ts";
import { BULK_BYTES, encodeBulk } from "./bulk_message.ts";
import { commandMessage } from "./command_message.ts";
import { ENVELOPE_BYTES, withHeader } from "./envelopes.ts";
import { timestamp, writeFailureMessage } from "./values.ts";

const outputStreams: Readonly<Record<StreamName, OutputStream>> = {
  stdout: OutputStream.STDOUT,
  stderr: OutputStream.STDERR,
};

/**
 * Envelope of a message that has nothing but the `watchMessage` of a large piece of output; undefined for any other
 * event. Takes over the bytes of an event that are nobody else's.
 *
 * @param fields Number of the field for it in each message around it, the outermost first.
 */
export function bulkEnvelope(
  event: WatchEvent,
  ...fields: readonly number[]
): Uint8Array | undefined {
  if (event.kind !== "output" || event.cut !== 0n) return undefined;
  const { commandId, stream, offset, bytes, at } = event;
  if (bytes.length < BULK_BYTES) return undefined;
  const watch = {
    before: toBinary(
      WatchResponseSchema,
      create(WatchResponseSchema, { commandId }),
    ),
    field: WatchResponseSchema.field.output.number,
  };
  const envelope = withHeader(encodeBulk({
    outer: [...fields.map((field) => ({ field })), watch],
    before: toBinary(
      OutputSchema,
      create(OutputSchema, {
        stream: outputStreams[stream],
        offset,
        ...timestamp("atMs", at ?? null),
      }),
    ),
    field: OutputSchema.field.bytes.number,
    bytes,
  }, ENVELOPE_BYTES));
  if (event.isOwn) release(bytes);
  return envelope;
}

/** An event of a watched command as a message of the API. */
export function watchMessage(event: WatchEvent): WatchResponse {
  switch (event.kind) {
    case "command":
      return create(WatchResponseSchema, {
        commandId: event.command.id,
        event: { case: "command", value: commandMessage(event.command) },
      });
    case "output": {
      const { commandId, stream, offset, bytes, cut, at } = event;
      return create(WatchResponseSchema, {
        commandId,
        event: {
          case: "output",
          value: {
            stream: outputStreams[stream],
            offset,
            bytes,
            cut,
            ...timestamp("atMs", at ?? null),
          },
        },
      });
    }
    case "progress": {
      const { commandId, current, total, message } = event;
      return create(WatchResponseSchema, {
        commandId,
        event: { case: "progress", value: { current, total, message } },
      });
    }
    case "cutOff":
      return create(WatchResponseSchema, {
        commandId: event.commandId,
        event: { case: "cutOff", value: { reason: event.reason } },
      });
    case "storage":
      return create(WatchResponseSchema, {
        event: {
          case: "storage",
          value: event.failure === undefined
            ? {}
            : { failure: writeFailureMessage(event.failure) },
        },
      });
  }
}
