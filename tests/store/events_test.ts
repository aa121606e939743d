import { assertEquals } from "@std/assert";
import type { NewEvent } from "../../lib/store/records.ts";
import { startStore } from "./support.ts";

Deno.test("events about a command are its own, and the wanted kinds of its agent's in its time", async () => {
  await using at = await startStore();
  const add = (kind: string, time: number, about: Partial<NewEvent> = {}) =>
    at.store.addEvent({
      at: time,
      kind,
      agent: "web-1",
      commandId: null,
      message: "",
      ...about,
    });
  await Promise.all([
    add("agent_connected", 9),
    add("agent_connected", 10),
    add("run", 11, { agent: null, commandId: 4n }),
    add("agent_connected", 12, { agent: "web-2" }),
    add("agent_token", 13),
    add("command_lost", 14, { commandId: 5n }),
    add("agent_left", 20),
    add("agent_left", 21),
    add("command_lost", 30, { commandId: 4n }),
  ]);
  const about = {
    commandId: 4n,
    agent: "web-1",
    kinds: ["agent_connected", "agent_left"],
    from: 10,
    to: 20.5,
  };

  const all = await at.store.eventsAbout({ ...about, limit: 9 });
  const newest = await at.store.eventsAbout({ ...about, limit: 2 });

  assertEquals(all.map((event) => [event.kind, event.at]), [
    ["agent_connected", 10],
    ["run", 11],
    ["agent_left", 20],
    ["command_lost", 30],
  ]);
  assertEquals(newest.map((event) => event.at), [20, 30]);
});

Deno.test("the text of an event can be replaced", async () => {
  await using at = await startStore();
  const about = { kind: "run", agent: null, commandId: 4n };
  const { id } = await at.store.addEvent({ at: 5, message: "one", ...about });
  await at.store.rewordEvent(id, "two");
  await at.store.rewordEvent(99n, "none");
  const [event] = await at.store.eventsAbout({
    commandId: 4n,
    agent: "web-1",
    kinds: [],
    from: 0,
    to: 9,
    limit: 9,
  });
  assertEquals(event?.message, "two");
});
