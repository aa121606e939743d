import { assertEquals } from "@std/assert";
import { createEvent } from "../../proto/gen/piri/control/v1/control_messages.ts";
import { all, refusal, startControl } from "../support/control.ts";

Deno.test("events have the agent and command that they concern, if there are any", async () => {
  await using fleet = await startControl();
  fleet.manager.happened.push(
    {
      key: { at: 5, source: "event", id: 1n },
      id: 1n,
      kind: "manager_started",
      agent: null,
      commandId: null,
      message: "",
    },
    {
      key: { at: 6, source: "ended", id: 9n },
      id: 0n,
      kind: "command_succeeded",
      agent: "web-1",
      commandId: 9n,
      message: "succeeded",
    },
  );

  const seen = await all(fleet.control.events.watchEvents({}));

  assertEquals(seen.map(({ event }) => event), [
    createEvent({
      id: 1n,
      atMs: 5n,
      kind: "manager_started",
      cursor: "5/event/1",
    }),
    createEvent({
      id: 0n,
      atMs: 6n,
      kind: "command_succeeded",
      cursor: "6/ended/9",
      agent: "web-1",
      commandId: 9n,
      message: "succeeded",
    }),
  ]);
});

Deno.test("the range is 20 events, a given number of them, or those after one", async () => {
  await using fleet = await startControl();
  const { events } = fleet.control;

  await all(events.watchEvents({}));
  await all(events.watchEvents({ tail: 0, follow: true }));
  await all(events.watchEvents({ tail: 5, afterId: 0n }));
  await all(events.watchEvents({ tail: 5, after: "6/ended/9" }));
  const filter = { agents: ["web-1"], kinds: ["agent_*"] };
  await all(events.watchEvents(filter));

  const none = { agents: [], kinds: [] };
  const after = { at: 6, source: "ended", id: 9n };
  assertEquals(fleet.manager.asked, [
    { start: { tail: 20 }, follow: false, filter: none },
    { start: { tail: 0 }, follow: true, filter: none },
    { start: { afterId: 0n }, follow: false, filter: none },
    { start: { after }, follow: false, filter: none },
    { start: { tail: 20 }, follow: false, filter },
  ]);
});

Deno.test("too many events, an id below 0 and a cursor of no event are refused", async () => {
  await using fleet = await startControl();
  const { events } = fleet.control;

  const refused = await Promise.all([
    refusal(all(events.watchEvents({ tail: 10_001 }))),
    refusal(all(events.watchEvents({ afterId: -1n }))),
    refusal(all(events.watchEvents({ after: "yesterday" }))),
  ]);

  assertEquals(refused.map(({ message }) => message), [
    'Cannot accept "tail": 10001 is not from 0 to 10000',
    'Cannot accept "after_id": -1 is not an id',
    'Cannot continue after "yesterday": it is not the cursor of an event',
  ]);
});

Deno.test("a kind that does not exist is an error with the nearest one", async () => {
  await using fleet = await startControl();
  const { events } = fleet.control;
  const ask = async (...kinds: string[]) => {
    const { piri, message } = await refusal(all(events.watchEvents({ kinds })));
    return [piri, message];
  };

  assertEquals(await ask("agent_joined", "comand_failed"), [
    "INVALID_ARGUMENT",
    'Cannot show events of the kind "comand_failed": there is no such kind; did you mean "command_failed"?',
  ]);
  assertEquals(await ask("nothing_*"), [
    "INVALID_ARGUMENT",
    'Cannot show events of the kind "nothing_*": there is no such kind',
  ]);
  assertEquals((await ask(""))[0], "INVALID_ARGUMENT");
  for (const kind of ["*", "agent_*", "run", "command_timed_out"]) {
    await all(events.watchEvents({ kinds: [kind] }));
  }
});
