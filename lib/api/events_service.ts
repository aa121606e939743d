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
import { formatEventCursor, parseEventCursor } from "../base/event_cursor.ts";
import { requireKinds } from "../base/event_kinds.ts";
import type {
  EventStart,
  EventView,
  Manager,
} from "../manager/api/operator_api.ts";
import { sightIn } from "./caller.ts";
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
    async *watchEvents(request, { signal, values }) {
      const { follow, agents, kinds } = request;
      requireKinds(kinds);
      const sight = sightIn(values);
      const filter = {
        agents: sight !== undefined && agents.length === 0
          ? sight.names()
          : agents,
        kinds,
      };
      const start = startOf(request);
      for await (
        const event of events.watch(start, { follow, filter, signal })
      ) {
        // An event of no agent may name one in its text.
        if (sight === undefined || sight.has(event.agent ?? "")) {
          yield eventMessage(event);
        }
      }
    },
  });
}

function startOf(
  { tail = DEFAULT_TAIL, afterId, after }: WatchEventsRequest,
): EventStart {
  if (after !== undefined) return { after: parseEventCursor(after) };
  if (afterId === undefined) {
    return { tail: requireRange("tail", tail, { least: 0, most: MAX_TAIL }) };
  }
  if (afterId < 0n) throw invalid("after_id", `${afterId} is not an id`);
  return { afterId };
}

function eventMessage(event: EventView): WatchEventsResponse {
  const { key, id, kind, agent, commandId, message } = event;
  const shown: Event = create(EventSchema, {
    id,
    atMs: milliseconds(key.at),
    kind,
    agent: agent ?? "",
    ...optional("commandId", commandId),
    message,
    cursor: formatEventCursor(key),
  });
  return create(WatchEventsResponseSchema, { event: shown });
}
