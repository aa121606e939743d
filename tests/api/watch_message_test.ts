import { assertEquals } from "@std/assert";
import { create, fromBinary } from "@bufbuild/protobuf";
import { BULK_BYTES } from "../../lib/api/bulk_message.ts";
import { ENVELOPE_BYTES } from "../../lib/api/envelopes.ts";
import { bulkEnvelope, watchMessage } from "../../lib/api/watch_message.ts";
import type { WatchEvent } from "../../lib/manager/api/operator_api.ts";
import {
  WatchJobResponseSchema,
  WatchResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";

type Output = Extract<WatchEvent, { kind: "output" }>;

/** Event of a piece of stdout. */
function output(given: Partial<Output> = {}): Output {
  return {
    kind: "output",
    commandId: 7n,
    stream: "stdout",
    offset: 12n,
    bytes: new Uint8Array(BULK_BYTES).fill(5),
    cut: 0n,
    ...given,
  };
}

const pieces: readonly Output[] = [
  output(),
  output({ stream: "stderr", offset: 1n << 40n, commandId: 1n << 50n }),
  output({ bytes: new Uint8Array(300_000).fill(1), at: 1_700_000_000_000 }),
];

Deno.test("the envelope of large output reads as its message", () => {
  const read = pieces.map((event) => {
    const envelope = bulkEnvelope(event) ?? new Uint8Array(ENVELOPE_BYTES);
    const body = envelope.subarray(ENVELOPE_BYTES);
    assertEquals(new DataView(envelope.buffer).getUint32(1), body.length);
    return fromBinary(WatchResponseSchema, body);
  });

  assertEquals(read, pieces.map(watchMessage));
});

Deno.test("the envelope of a job's large output reads as its message", () => {
  const field = WatchJobResponseSchema.field.event.number;
  const read = pieces.map((event) => {
    const envelope = bulkEnvelope(event, field) ?? new Uint8Array();
    return fromBinary(
      WatchJobResponseSchema,
      envelope.subarray(ENVELOPE_BYTES),
    );
  });

  assertEquals(
    read,
    pieces.map((event) =>
      create(WatchJobResponseSchema, { event: watchMessage(event) })
    ),
  );
});

Deno.test("short output, output after a cut and other events have no envelope of their own", () => {
  const events: WatchEvent[] = [
    output({ bytes: new Uint8Array(BULK_BYTES - 1) }),
    output({ cut: 1n }),
    { kind: "progress", commandId: 7n, current: 1, total: 2, message: "" },
  ];

  assertEquals(events.map((event) => bulkEnvelope(event)), [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("bytes are taken over only from an event whose bytes are nobody else's", () => {
  const [shared, own] = [output(), output({ isOwn: true })];
  const sent = [bulkEnvelope(shared), bulkEnvelope(own)];

  assertEquals(sent[0], sent[1]);
  assertEquals([shared.bytes.length, own.bytes.length], [BULK_BYTES, 0]);
});
