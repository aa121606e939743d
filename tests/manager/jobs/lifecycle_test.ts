import { assertEquals, assertThrows } from "@std/assert";
import {
  ENTRY_STATES,
  isUnstarted,
  JOB_STATES,
} from "../../../lib/base/job_state.ts";
import {
  type EntryEvent,
  entryLifecycle,
  moveBy,
} from "../../../lib/manager/jobs/entry_lifecycle.ts";
import { jobLifecycle } from "../../../lib/manager/jobs/job_lifecycle.ts";

/** Rows of a table as "state --event--> next", in its order. */
function rowsOf(
  table: Readonly<Record<string, Readonly<Record<string, string>>>>,
): string[] {
  return Object.entries(table).flatMap(([state, rows]) =>
    Object.entries(rows).map(([event, next]) =>
      `${state} --${event}--> ${next}`
    )
      .toSorted()
  );
}

Deno.test("an entry goes these ways, and no others", () => {
  assertEquals(Object.keys(entryLifecycle), [...ENTRY_STATES]);
  assertEquals(rowsOf(entryLifecycle), [
    "waiting --denied--> refused",
    "waiting --doubted--> lost",
    "waiting --expired--> expired",
    "waiting --queued--> queued",
    "waiting --refused--> refused",
    "waiting --removed--> skipped",
    "waiting --skipped--> skipped",
    "waiting --started--> started",
    "waiting --superseded--> superseded",
    "waiting --unreachable--> unreachable",
    "queued --denied--> refused",
    "queued --doubted--> lost",
    "queued --expired--> expired",
    "queued --refused--> refused",
    "queued --removed--> skipped",
    "queued --skipped--> skipped",
    "queued --started--> started",
    "queued --superseded--> superseded",
    "queued --unreachable--> unreachable",
  ]);
});

Deno.test("an entry can start exactly in the states that count as unstarted", () => {
  assertEquals(
    ENTRY_STATES.filter((state) => "started" in entryLifecycle[state]),
    ENTRY_STATES.filter(isUnstarted),
  );
});

Deno.test("a job goes these ways, and no others", () => {
  assertEquals(Object.keys(jobLifecycle), [...JOB_STATES]);
  assertEquals(rowsOf(jobLifecycle), [
    "running --cancelled--> cancelled",
    "running --done--> succeeded",
    "running --expired--> expired",
    "running --paused--> paused",
    "running --stopped--> stopped",
    "running --undone--> failed",
    "paused --cancelled--> cancelled",
    "paused --done--> succeeded",
    "paused --expired--> expired",
    "paused --resumed--> running",
    "paused --stopped--> stopped",
    "paused --undone--> failed",
    "succeeded --undone--> failed",
    "failed --done--> succeeded",
  ]);
});

Deno.test("a step names the states that it leads from", () => {
  assertEquals(moveBy("queued", 5, "why"), {
    from: ["waiting"],
    to: "queued",
    reason: "why",
    at: 5,
  });
  assertEquals(moveBy("started", 5).from, ["waiting", "queued"]);
  assertThrows(() => moveBy("born" as EntryEvent, 5), TypeError);
});

Deno.test("no code of the Manager but the tables sets a state of a job or an entry", async () => {
  const folder = new URL("../../../lib/manager/jobs/", import.meta.url);
  const names = [...ENTRY_STATES, ...JOB_STATES].join("|");
  const setting = new RegExp(`\\b(state|to): "(${names})"`);
  const setters: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(new URL(name, folder));
    if (setting.test(text)) setters.push(name);
  }
  // For people: the record of a command that was just made, and one of the time before its end.
  assertEquals(setters, ["entry_views.ts"]);
});
