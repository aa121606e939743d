import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type Event,
  EventSchema,
  EventsService,
  type WatchEventsRequest,
  type WatchEventsResponse,
  WatchEventsResponseSchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { Manager } from "../manager/operator_api.ts";
import type { EventRecord } from "../store/records.ts";
import { invalid, requireRange } from "./checks.ts";
import { milliseconds, optional } from "./values.ts";

const DEFAULT_TAIL = 20;
const MAX_TAIL = 10_000;

/** Serves the EventsService. */
export function addEventsService(
  router: ConnectRouter,
  { events }: Manager,
): void {
  router.service(EventsService, {
    async *watchEvents(request, { signal }) {
      const { follow } = request;
      for await (
        const event of events.watch(rangeOf(request), { follow, signal })
      ) {
        yield eventMessage(event);
      }
    },
  });
}

function rangeOf(
  { tail = DEFAULT_TAIL, afterId }: WatchEventsRequest,
): { tail: number } | { afterId: bigint } {
  if (afterId === undefined) {
    return { tail: requireRange("tail", tail, { least: 0, most: MAX_TAIL }) };
  }
  if (afterId < 0n) throw invalid("after_id", `${afterId} is not an id`);
  return { afterId };
}

function eventMessage(record: EventRecord): WatchEventsResponse {
  const event: Event = create(EventSchema, {
    id: record.id,
    atMs: milliseconds(record.at),
    kind: record.kind,
    agent: record.agent ?? "",
    ...optional("commandId", record.commandId),
    message: record.message,
  });
  return create(WatchEventsResponseSchema, { event });
}
