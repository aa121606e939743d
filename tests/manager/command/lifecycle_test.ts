import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import type {
  LifeEvent,
  LifeEvents,
  Stage,
} from "../../../lib/manager/command/life_events.ts";
import {
  changeBy,
  isOpenStage,
  lifecycle,
  stageOf,
} from "../../../lib/manager/command/lifecycle.ts";
import {
  COMMAND_STATES,
  isOpenState,
  mayComeBack,
} from "../../../lib/base/command_state.ts";
import type { CommandRecord } from "../../../lib/store/records.ts";
import { aCommand } from "../../support/small_manager.ts";

/** Meaning of each event, in the words of the protocol's documentation. */
const EVENTS: Readonly<Record<LifeEvent, string>> = {
  sent: "the Manager binds it to a connection",
  heard: "the agent sends progress or output",
  result: "the agent sends a result",
  cancelled: "an operator cancels it",
  listedAccepted: "a hello lists it as accepted",
  listedBegun: "a hello lists it as running or finished",
  neverArrived: "a hello shows that it never arrived",
  forgotten: "a hello does not list it, and it may have run",
  neverWritten: "its connection ends before its first byte is written",
  disconnected: "the connection of an agent without `resume` ends",
  overdue: "a legacy agent does not answer in time",
  givenUp: "an operator gives it up",
  removed: "an operator removes its agent",
  denied: "who asked for it may not do it any more",
};

const STAGES: readonly Stage[] = [
  "queued",
  "found",
  "sent",
  "running",
  "presumed",
  "lost",
  "ended",
];

/** Example facts of each event. */
const FACTS: LifeEvents = {
  sent: { instance: "new", session: 9n, at: 5_000 },
  heard: { at: 5_000 },
  result: { outcome: { state: "succeeded", reason: "" } },
  cancelled: { by: "ann", graceMs: 3_000, at: 5_000 },
  listedAccepted: { instance: "new", at: 5_000 },
  listedBegun: { instance: "new", at: 5_000 },
  neverArrived: { at: 5_000 },
  forgotten: { at: 5_000 },
  neverWritten: { at: 5_000 },
  disconnected: { why: "", at: 5_000 },
  overdue: { at: 5_000 },
  givenUp: { by: "anna", at: 5_000 },
  removed: { at: 5_000 },
  denied: { reason: "not sent", at: 5_000 },
};

const STANDING: Readonly<Record<Stage, Partial<CommandRecord>>> = {
  queued: { state: "queued" },
  found: { state: "queued" },
  sent: { state: "sent", instance: "old", session: 1n, sentAt: 2_000 },
  running: { state: "running", instance: "old", sentAt: 2_000 },
  presumed: { state: "lost", presumed: true, reason: "?", finishedAt: 4_000 },
  lost: { state: "lost", reason: "?", errorCode: "X", finishedAt: 4_000 },
  ended: { state: "failed", finishedAt: 4_000 },
};

function events(): LifeEvent[] {
  return Object.keys(EVENTS) as LifeEvent[];
}

/** Change that an event makes to a command in this stage. */
function change(
  stage: Stage,
  event: LifeEvent,
  record: Partial<CommandRecord> = {},
): Partial<CommandRecord> | undefined {
  return changeBy(
    {
      record: aCommand({ ...STANDING[stage], ...record }),
      stage,
      cancelIsRecorded: false,
    },
    event,
    FACTS[event],
  );
}

Deno.test("lifecycle has these rows", () => {
  const lines = STAGES.flatMap((stage) =>
    events().flatMap((event) => {
      const row = lifecycle[stage][event];
      return row === undefined
        ? []
        : [`${stage} --${event}--> ${row.next}: ${row.change.name}`];
    })
  );

  assertEquals(lines, [
    "queued --sent--> sent: bind",
    "queued --heard--> running: begin",
    "queued --result--> as told: conclude",
    "queued --cancelled--> ended: cancelUnsent",
    "queued --listedAccepted--> sent: adopt",
    "queued --listedBegun--> running: adoptBegun",
    "queued --forgotten--> presumed: presumeForgotten",
    "queued --givenUp--> presumed: presumeGivenUp",
    "queued --removed--> presumed: presumeUnsent",
    "queued --denied--> ended: refuseUnsent",
    "found --heard--> running: begin",
    "found --result--> as told: conclude",
    "found --cancelled--> found: askToCancel",
    "found --listedAccepted--> sent: adopt",
    "found --listedBegun--> running: adoptBegun",
    "found --forgotten--> presumed: presumeForgotten",
    "found --givenUp--> presumed: presumeGivenUp",
    "found --removed--> presumed: presumeRemoved",
    "sent --heard--> running: begin",
    "sent --result--> as told: conclude",
    "sent --cancelled--> sent: askToCancel",
    "sent --listedBegun--> running: adoptBegun",
    "sent --neverArrived--> presumed: presumeNeverArrived",
    "sent --forgotten--> presumed: presumeForgotten",
    "sent --neverWritten--> presumed: presumeNeverWritten",
    "sent --disconnected--> presumed: presumeDisconnected",
    "sent --overdue--> presumed: presumeTimedOut",
    "sent --givenUp--> presumed: presumeGivenUp",
    "sent --removed--> presumed: presumeRemoved",
    "running --result--> as told: conclude",
    "running --cancelled--> running: askToCancel",
    "running --forgotten--> presumed: presumeForgotten",
    "running --disconnected--> presumed: presumeDisconnected",
    "running --overdue--> presumed: presumeTimedOut",
    "running --givenUp--> presumed: presumeGivenUp",
    "running --removed--> presumed: presumeRemoved",
    "presumed --heard--> running: begin",
    "presumed --result--> as told: conclude",
    "presumed --cancelled--> presumed: askToCancel",
    "presumed --listedAccepted--> sent: reopen",
    "presumed --listedBegun--> running: reopenBegun",
    "lost --listedAccepted--> sent: dispute",
    "lost --listedBegun--> running: disputeBegun",
  ]);
});

Deno.test("the fields that a row changes lead to the stage that it names", () => {
  const wrong = STAGES.flatMap((stage) =>
    events().flatMap((event) => {
      const next = lifecycle[stage][event]?.next;
      const fields = change(stage, event);
      // A result names no stage of its own, and a command that was found keeps its state until a hello.
      if (next === undefined || next === "as told" || next === "found") {
        return [];
      }
      const after = stageOf(aCommand({ ...STANDING[stage], ...fields }));
      return after === next ? [] : [`${stage} ${event}: ${after}`];
    })
  );

  assertEquals(wrong, []);
});

Deno.test("a command that was cancelled and never arrived is cancelled", () => {
  const record = aCommand({ ...STANDING.sent, cancelRequestedAt: 3_000 });
  const ends = (["neverArrived", "neverWritten", "forgotten"] as const)
    .map((event) =>
      changeBy(
        { record, stage: "sent", cancelIsRecorded: true },
        event,
        { at: 5_000 },
      )
    );

  assertEquals(
    ends.map((end) => [end?.state, end?.presumed]),
    [["cancelled", true], ["cancelled", true], ["lost", true]],
  );
});

Deno.test("a command that was given up and is listed as accepted is cancelled by whoever gave it up", () => {
  const givenUp = { givenUpAt: 4_000, givenUpBy: "anna", givenUpSaidBy: "ann" };

  const listed = change("presumed", "listedAccepted", givenUp);
  const begun = change("presumed", "listedBegun", givenUp);

  assertEquals(
    [
      listed?.cancelRequestedAt,
      listed?.cancelRequestedBy,
      listed?.cancelSaidBy,
    ],
    [4_000, "anna", "ann"],
  );
  assertEquals(begun?.cancelRequestedAt, undefined);
});

Deno.test("an event without a row changes nothing", () => {
  assertEquals(change("running", "sent"), undefined);
  assertEquals(change("found", "sent"), undefined);
  assertEquals(change("ended", "result"), undefined);
  assertEquals(change("lost", "heard"), undefined);
});

Deno.test("every end has the time of its event, and a reopened command has none", () => {
  const times = STAGES.flatMap((stage) =>
    events().flatMap((event) => {
      const row = lifecycle[stage][event];
      if (row === undefined || row.next === "as told") return [];
      const after = aCommand({ ...STANDING[stage], ...change(stage, event) });
      return [isOpenStage(row.next) === (after.finishedAt === null)];
    })
  );

  assertEquals(times.includes(false), false);
});

Deno.test("a result determines the stage by its state", () => {
  const stages = COMMAND_STATES.slice(3).map((state) =>
    stageOf({ state, presumed: false })
  );

  assertEquals(stages, ["ended", "ended", "ended", "ended", "ended", "lost"]);
});

Deno.test("a second canceller may shorten the grace and is not named", () => {
  const first = change("running", "cancelled");
  const again = change("running", "cancelled", {
    cancelRequestedAt: 1_000,
    cancelRequestedBy: "bob",
    cancelSaidBy: "rob",
    cancelGraceMs: 2_000,
  });

  assertEquals(first, {
    id: 1n,
    cancelRequestedAt: 5_000,
    cancelRequestedBy: "ann",
    cancelSaidBy: "",
    cancelGraceMs: 3_000,
  });
  assertEquals(again, {
    id: 1n,
    cancelRequestedAt: 1_000,
    cancelRequestedBy: "bob",
    cancelSaidBy: "rob",
    cancelGraceMs: 2_000,
  });
});

const NO_HASHES = {
  stdoutSha256: null,
  stderrSha256: null,
  hashOfKept: false,
};

Deno.test("a disputed loss takes back all fields of the LOST result", () => {
  const told = { reapedSignalled: 3, reapedAlive: [7], agentStartedAt: 1 };

  assertEquals(change("lost", "listedBegun", told), {
    id: 1n,
    state: "running",
    instance: "new",
    sentAt: 5_000,
    startedAt: 5_000,
    errorCode: "",
    agentStartedAt: null,
    agentFinishedAt: null,
    reapedSignalled: null,
    reapedAlive: [],
    ...NO_HASHES,
    masked: 0,
    presumed: false,
    reason: "",
    finishedAt: null,
  });
});

const ROOT = fromFileUrl(new URL("../../../", import.meta.url));

/** Modules of the Manager, as [path from the root, text]. */
async function* modulesOf(folder: string): AsyncGenerator<[string, string]> {
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* modulesOf(path);
    else yield [path, await Deno.readTextFile(join(ROOT, path))];
  }
}

Deno.test("no code of the Manager but the table sets a state", async () => {
  const names = COMMAND_STATES.join("|");
  const setting = new RegExp(
    `\\b(state: "(${names})"|presumed: (true|false)\\b)`,
  );
  const setters: string[] = [];
  for await (const [path, text] of modulesOf("lib/manager")) {
    if (setting.test(text)) setters.push(path);
  }

  assertEquals(setters.toSorted(), [
    // These are the states of approvals, some of which have the same names.
    "lib/manager/approvals/approvals.ts",
    "lib/manager/command/life_changes.ts",
    // This file sets the first state of a new command.
    "lib/manager/command/lifecycle.ts",
    // This shows an ended command as it was while it ran, and records nothing.
    "lib/manager/jobs/entry_views.ts",
    // These are the states of agents in plans.
    "lib/manager/plans/findings.ts",
    "lib/manager/plans/plan_view.ts",
    // These are the states of an update of the Manager.
    "lib/manager/update/manager_trial.ts",
  ]);
});

/** The table in the form of docs/protocol.md. */
function documented(): string {
  const stages = STAGES.filter((stage) => stage !== "ended");
  const rows = events().map((event) => [
    EVENTS[event],
    ...stages.map((stage) => lifecycle[stage][event]?.next ?? "–"),
  ]);
  const cells = [
    ["What happens", ...stages],
    ...rows,
  ];
  const widths =
    cells[0]?.map((_, column) =>
      Math.max(...cells.map((row) => (row[column] ?? "").length))
    ) ?? [];
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  const [head = [], ...body] = cells;
  return [line(head), rule, ...body.map(line)].join("\n");
}

Deno.test("an end may be taken back exactly where the table has a way back from it", () => {
  const ends = COMMAND_STATES.filter((state) => !isOpenState(state))
    .flatMap((state) => [true, false].map((presumed) => ({ state, presumed })));

  assertEquals(
    ends.filter(mayComeBack),
    ends.filter((end) => "listedBegun" in lifecycle[stageOf(end)]),
  );
});

Deno.test("docs/protocol.md shows the table", async () => {
  const text = await Deno.readTextFile(join(ROOT, "docs/protocol.md"));
  const start = text.indexOf("| What happens ");
  const shown = text.slice(start, text.indexOf("\n\n", start));

  assertEquals(shown, documented());
});

for (
  const [stage, event] of [
    ["presumed", "heard"],
    ["presumed", "listedAccepted"],
    ["presumed", "listedBegun"],
    ["lost", "listedAccepted"],
    ["lost", "listedBegun"],
  ] as const
) {
  Deno.test(`a command in stage ${stage} that goes on by ${event} has no hash of its output any more`, () => {
    const stdoutSha256 = new Uint8Array(32);
    const after = change(stage, event, { stdoutSha256, hashOfKept: true });
    const { stdoutSha256: out, stderrSha256, hashOfKept } = after ?? {};
    assertEquals({ stdoutSha256: out, stderrSha256, hashOfKept }, NO_HASHES);
  });
}
