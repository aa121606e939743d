import { create } from "@bufbuild/protobuf";
import { assertEquals } from "@std/assert";
import { EventSchema } from "../../proto/gen/piri/control/v1/control_pb.ts";
import { all, refusal, startControl } from "../support/control.ts";

Deno.test("events have the agent and command that they concern, if there are any", async () => {
  await using fleet = await startControl();
  fleet.manager.happened.push(
    {
      id: 1n,
      at: 5,
      kind: "manager_started",
      agent: null,
      commandId: null,
      message: "",
    },
    {
      id: 2n,
      at: 6.25,
      kind: "command_lost",
      agent: "web-1",
      commandId: 9n,
      message: "never arrived",
    },
  );

  const seen = await all(fleet.control.events.watchEvents({}));

  assertEquals(seen.map(({ event }) => event), [
    create(EventSchema, { id: 1n, atMs: 5n, kind: "manager_started" }),
    create(EventSchema, {
      id: 2n,
      atMs: 6n,
      kind: "command_lost",
      agent: "web-1",
      commandId: 9n,
      message: "never arrived",
    }),
  ]);
});

Deno.test("the range is 20 events, a given number of them, or those after one", async () => {
  await using fleet = await startControl();
  const { events } = fleet.control;

  await all(events.watchEvents({}));
  await all(events.watchEvents({ tail: 0, follow: true }));
  await all(events.watchEvents({ tail: 5, afterId: 0n }));

  assertEquals(fleet.manager.asked, [
    { range: { tail: 20 }, follow: false },
    { range: { tail: 0 }, follow: true },
    { range: { afterId: 0n }, follow: false },
  ]);
});

Deno.test("too many events, or an id below 0, are refused", async () => {
  await using fleet = await startControl();
  const { events } = fleet.control;

  const refused = await Promise.all([
    refusal(all(events.watchEvents({ tail: 10_001 }))),
    refusal(all(events.watchEvents({ afterId: -1n }))),
  ]);

  assertEquals(refused.map(({ message }) => message), [
    'Cannot accept "tail": 10001 is not from 0 to 10000',
    'Cannot accept "after_id": -1 is not an id',
  ]);
});
