import { assertEquals, assertMatch } from "@std/assert";
import { parseEventCursor } from "../../lib/base/event_cursor.ts";
import { ALL_EVENTS, type EventFilter } from "../../lib/base/event_filter.ts";
import { Database } from "../../lib/store/database.ts";
import { HISTORY_STATEMENTS } from "../../lib/store/event_history.ts";
import { migrate } from "../../lib/store/migrate.ts";
import type { HistoryEntry, HistoryRange } from "../../lib/store/records.ts";
import type { Store } from "../../lib/store/store.ts";
import { create, newCommand, startStore } from "./support.ts";

function addEvent(store: Store, kind: string, at: number, agent = "web-1") {
  return store.addEvent({ at, kind, agent, commandId: null, message: kind });
}

function shown({ key: { at, source, id } }: HistoryEntry): string {
  return `${at} ${source} ${id}`;
}

/** All entries, read in pages of this size. */
async function read(
  store: Store,
  direction: HistoryRange["direction"] = "newer",
  {
    limit = 100,
    filter = ALL_EVENTS,
    from = undefined as HistoryRange["from"],
  } = {},
): Promise<string[]> {
  const seen: string[] = [];
  let next: HistoryRange["from"] = from;
  do {
    const page = await store.eventHistory({
      from: next,
      direction,
      limit,
      filter,
    });
    seen.push(...page.entries.map(shown));
    next = page.reached;
  } while (next !== undefined);
  return seen;
}

/** A store in which two commands ran between some events. */
async function filled(store: Store): Promise<void> {
  await addEvent(store, "agent_connected", 900);
  const first = await create(store, { createdAt: 1_000.75 });
  const second = await create(store, { createdAt: 2_000, agent: "web-2" });
  await store.patchCommand({
    id: first,
    progressCurrent: 3,
    progressTotal: 9,
    progressAt: 3_000,
  });
  await store.patchCommand({
    id: first,
    state: "succeeded",
    finishedAt: 4_000,
  });
  await store.patchCommand({ id: second, state: "failed", finishedAt: 4_000 });
  await addEvent(store, "agent_disconnected", 4_000);
  // As Managers from before recorded it.
  await addEvent(store, "command_failed", 4_000, "web-2");
  await addEvent(store, "agent_connected", 5_000, "web-2");
}

const ALL = [
  "900 event 1",
  "1000 requested 1",
  "2000 requested 2",
  "3000 progress 1",
  "4000 event 2",
  "4000 ended 1",
  "4000 ended 2",
  "5000 event 4",
];

Deno.test("events and what the records of commands tell are in one order, in both directions", async () => {
  await using at = await startStore();
  await filled(at.store);
  assertEquals(await read(at.store), ALL);
  assertEquals(await read(at.store, "older"), ALL.toReversed());
});

Deno.test("pages of any size are parts of the same order", async () => {
  await using at = await startStore();
  await filled(at.store);
  for (let limit = 1; limit <= ALL.length + 1; limit++) {
    assertEquals(await read(at.store, "newer", { limit }), ALL);
    assertEquals(await read(at.store, "older", { limit }), ALL.toReversed());
  }
});

Deno.test("events go on after a cursor, or after an event with an id", async () => {
  await using at = await startStore();
  await filled(at.store);
  const cursors = ALL.map((line) =>
    parseEventCursor(line.replaceAll(" ", "/"))
  );
  for (const [index, from] of cursors.entries()) {
    assertEquals(await read(at.store, "newer", { from }), ALL.slice(index + 1));
  }
  const after = (eventId: bigint) =>
    read(at.store, "newer", { from: { eventId } });
  assertEquals(await after(2n), ALL.slice(5));
  assertEquals(await after(4n), []);
  assertEquals(await after(99n), []);
  assertEquals((await after(0n)).length, ALL.length);
});

Deno.test("events of the wanted agents and kinds are read and no others, in pages of any size", async () => {
  await using at = await startStore();
  await filled(at.store);
  const expected: [Partial<EventFilter>, string[]][] = [
    [{ agents: ["web-2"] }, [
      "2000 requested 2",
      "4000 ended 2",
      "5000 event 4",
    ]],
    [{ kinds: ["command_failed", "agent_disconnected"] }, [
      "4000 event 2",
      "4000 ended 2",
    ]],
    [{ kinds: ["command_*"], agents: ["web-1"] }, [
      "1000 requested 1",
      "3000 progress 1",
      "4000 ended 1",
    ]],
    [{ kinds: ["command_lost"] }, []],
    [{ agents: ["web-3"] }, []],
  ];
  for (const [part, lines] of expected) {
    const filter = { ...ALL_EVENTS, ...part };
    for (const limit of [1, 2, 9]) {
      assertEquals(await read(at.store, "newer", { limit, filter }), lines);
      assertEquals(
        await read(at.store, "older", { limit, filter }),
        lines.toReversed(),
      );
    }
  }
});

Deno.test("one read looks at 2000 rows at most, and the next one goes on", async () => {
  await using at = await startStore();
  await at.store.createCommands(
    Array.from({ length: 4_500 }, () => newCommand()),
    { requestId: "r", job: "j" },
  );
  const filter = { agents: ["web-9"], kinds: [] };
  const range = { direction: "newer", limit: 5, filter } as const;
  const first = await at.store.eventHistory({ from: undefined, ...range });
  assertEquals(first.reached, {
    at: 1_000,
    source: "requested",
    id: 2_000n,
  });
  const second = await at.store.eventHistory({ from: first.reached, ...range });
  const third = await at.store.eventHistory({ from: second.reached, ...range });
  assertEquals(third, { entries: [], reached: undefined });
  assertEquals((await read(at.store, "older", { limit: 999 })).length, 4_500);
});

Deno.test("a lost command is no end of its record, because it may come back", async () => {
  await using at = await startStore();
  const id = await create(at.store);
  await at.store.patchCommand({ id, state: "lost", finishedAt: 4_000 });
  assertEquals(await read(at.store), ["1000 requested 1"]);
});

Deno.test("every source is read by an index on its time, and sorts only what has the same time", () => {
  using db = new Database(":memory:");
  migrate(db, "x");
  for (const { newer, older } of HISTORY_STATEMENTS) {
    for (const statement of [newer, older]) {
      const plan = db.all(`EXPLAIN QUERY PLAN ${statement}`, 0, 0, 0)
        .map((row) => String(row["detail"]));
      assertMatch(
        plan[0] ?? "",
        /^SEARCH (events|r|commands) USING INDEX (events_at|requests_created|commands_progressed|commands_finished) \((at|created_at|progress_at|finished_at)[<>]\?( AND [a-z_]+[<>]\?)?\)$/,
      );
      assertEquals(plan.filter((line) => line.startsWith("SCAN")), []);
      assertEquals(
        plan.filter((line) => line === "USE TEMP B-TREE FOR ORDER BY"),
        [],
      );
    }
  }
});
