import { assertEquals, assertMatch } from "@std/assert";
import type { DriftRule } from "../../../lib/manager/drift/drift_rule.ts";
import { parseWithin } from "../../../lib/base/within.ts";
import type { MemoryManager } from "../../support/memory_manager.ts";
import { until } from "../../../scripts/local/until.ts";
import { PlanFleet } from "../plans/plan_fleet.ts";

const NAMES = ["web-1", "web-2", "web-3"];

const STATES = {
  "states/all.yaml": `
- Folder: {type: file.Dir, path: "%ROOT%/\${agent}/etc", mode: 0755}
- Note:
    type: file.Installed
    path: "%ROOT%/\${agent}/etc/motd"
    content: "This is \${agent}.\\n"
    mode: 0644
`,
};

const HOURLY: DriftRule = {
  state: "",
  agents: "all",
  every: 3_600_000,
  jitter: 0,
  deadline: 600_000,
  do: "plan",
  ignore: [],
};

const ALWAYS = parseWithin("00:00-24:00 UTC");

Deno.test("drift is found once, with its first time, and is gone once the host is as it should be", async () => {
  await using fleet = await begun(HOURLY);
  const foundAt = fleet.manager.clock.now() + 3_600_000;
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "by hand\n");
  await Deno.writeTextFile(fleet.on("web-3", "etc/motd"), "by hand\n");
  await looks(fleet);
  await looks(fleet);
  const [rule] = await fleet.manager.drift.list();
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "This is web-1.\n");
  await looks(fleet);

  assertEquals(
    rule?.groups.map(({ agents, steps }) => [
      agents.map(({ agent, since }) => `${agent} ${since - foundAt}`),
      steps.map(({ name }) => name),
    ]),
    [[["web-1 0", "web-3 0"], ["Note"]]],
  );
  assertEquals(await driftEvents(fleet.manager), [
    "drift_found web-1",
    "drift_found web-3",
    "drift_gone web-1",
  ]);
  assertEquals(await differing(fleet.manager), ["web-3"]);
});

Deno.test("an agent that is away stays as it was known, and is looked at the next time", async () => {
  await using fleet = await begun(HOURLY);
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "by hand\n");
  await looks(fleet);
  fleet.leaves("web-1");
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "This is web-1.\n");
  await looks(fleet);

  assertEquals(await differing(fleet.manager), ["web-1"]);
  await fleet.connect("web-1");
  await looks(fleet);
  assertEquals(await differing(fleet.manager), []);
});

Deno.test("a rule whose agents are all away tells nothing", async () => {
  await using fleet = await begun(HOURLY);
  for (const name of NAMES) fleet.leaves(name);
  await looks(fleet);
  const [rule] = await fleet.manager.drift.list();

  assertEquals([rule?.groups, rule?.problem], [[], ""]);
  assertEquals(await driftEvents(fleet.manager), []);
});

Deno.test("an operator of some agents gets no target expression, and only rules with one that he sees", async () => {
  await using fleet = await begun({ ...HOURLY, agents: "web-1 or web-2" });
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "by hand\n");
  await Deno.writeTextFile(fleet.on("web-2", "etc/motd"), "by hand\n");
  await looks(fleet);
  const seenBy = async (...names: string[]) => {
    const sight = {
      has: (name: string) => names.includes(name),
      names: () => names,
    };
    const rules = await fleet.manager.drift.list(sight);
    return rules.map(({ agents, groups }) => [
      agents,
      groups.flatMap((group) => group.agents.map(({ agent }) => agent)),
    ]);
  };

  assertEquals(await seenBy("web-1", "web-3"), [["", ["web-1"]]]);
  assertEquals(await seenBy("web-3"), []);
});

Deno.test("steps to ignore are no drift, and are not healed with others", async () => {
  const rule: DriftRule = {
    ...HOURLY,
    ignore: ["No*"],
    do: "apply",
    window: ALWAYS,
  };
  await using fleet = await begun(rule);
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "by hand\n");
  await looks(fleet);

  assertEquals(await differing(fleet.manager), []);
  assertEquals(await fleet.text("web-1", "etc/motd"), "by hand\n");
});

Deno.test("a plan that is not ready by its deadline counts as far as it is, and says who was late", async () => {
  const rule = { ...HOURLY, state: "slow" };
  await using fleet = await PlanFleet.start(NAMES, {
    "states/all/slow.yaml": `
- Note:
    type: file.Installed
    path: "%ROOT%/\${agent}/note"
    content: hello
    if: { cmd: "while test -e %ROOT%/\${agent}/busy; do sleep 0.05; done" }
`,
  });
  const { manager } = fleet;
  await manager.drift.load([rule]);
  await Deno.writeTextFile(fleet.on("web-2", "busy"), "");
  await manager.clock.advance(3_600_000);
  const areOver = (count: number) => async () => {
    const page = { from: 0, limit: NAMES.length };
    const entries = await manager.store.jobEntries(1n, page);
    return entries.filter(({ command }) => command?.finishedAt).length ===
      count;
  };
  await until("the others were looked at", areOver(2));
  await manager.clock.advance(600_000);
  // This agent does not hear that it is cancelled.
  await manager.clock.advance(30_000);
  await manager.drift.idle();
  const [shown] = await manager.drift.list();
  await Deno.remove(fleet.on("web-2", "busy"));
  await until("all were looked at", areOver(3));

  assertEquals(await differing(manager), ["web-1", "web-3"]);
  assertEquals(
    shown?.problem,
    'Cannot plan all within 600 s: "web-2" did not finish p-1',
  );
  assertEquals(
    (await driftEvents(manager)).filter((each) =>
      each.startsWith("drift_failed")
    ),
    ["drift_failed web-2", "drift_failed null"],
  );
  assertEquals(shown?.untold.map(({ agent }) => agent), ["web-2"]);
});

Deno.test("a rule that applies heals in its window only, as the Manager itself", async () => {
  // The fleet begins at midnight, and looks at one, two and three o'clock.
  const window = parseWithin("02:30-04:00 UTC");
  await using fleet = await begun({ ...HOURLY, do: "apply", window });
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "by hand\n");
  await looks(fleet);
  await looks(fleet);
  const before = await fleet.text("web-1", "etc/motd");
  await looks(fleet);
  const [healing] = await fleet.manager.store.jobs({ limit: 1 });

  assertEquals(before, "by hand\n");
  assertEquals(await fleet.text("web-1", "etc/motd"), "This is web-1.\n");
  assertEquals(await differing(fleet.manager), []);
  assertEquals(
    [healing?.operation, healing?.requestedBy],
    ["state.Apply", "piri-manager"],
  );
});

Deno.test("a state whose last apply failed on a host is not healed there", async () => {
  await using fleet = await begun({ ...HOURLY, do: "apply", window: ALWAYS });
  // A folder in its place cannot be replaced by a file.
  await Deno.remove(fleet.on("web-1", "etc"), { recursive: true });
  await Deno.writeTextFile(fleet.on("web-2", "etc/motd"), "by hand\n");
  await fleet.manager.drift.adopt([]);
  const { id } = await fleet.plan();
  await Deno.writeTextFile(fleet.on("web-1", "etc"), "no folder\n");
  await fleet.apply(id);
  await Deno.remove(fleet.on("web-1", "etc"));
  await fleet.manager.drift.adopt([{
    ...HOURLY,
    do: "apply",
    window: ALWAYS,
  }]);
  await looks(fleet);

  assertEquals(await differing(fleet.manager), ["web-1"]);
  assertEquals(await fleet.text("web-1", "etc/motd"), undefined);
});

Deno.test("a heal that fails is told once, with its reason, and is not tried again", async () => {
  const rule: DriftRule = {
    ...HOURLY,
    state: "refused",
    do: "apply",
    window: ALWAYS,
  };
  await using fleet = await PlanFleet.start(["web-1"], {
    "states/all/refused.yaml": `
- Note:
    type: file.Installed
    path: "%ROOT%/\${agent}/note"
    content: hello
    validate: exit 3
`,
  }, { drift: [rule] });
  const { manager } = fleet;
  await manager.drift.load([rule]);
  await looks(fleet);
  await looks(fleet);

  assertEquals(await driftEvents(manager), [
    "drift_found web-1",
    "drift_heal_failed web-1",
  ]);
  const told = (await manager.happened())
    .find(({ kind }) => kind === "drift_heal_failed");
  assertMatch(
    told?.message ?? "",
    /^"web-1" could not be healed by p-1: .*step "Note" failed/,
  );
  assertEquals(await differing(manager), ["web-1"]);
});

Deno.test("an overdue rule is planned once after a restart, when agents are back, and drift is still known", async () => {
  await using fleet = await begun(HOURLY);
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "by hand\n");
  await looks(fleet);
  fleet.manager.drift.stop();
  await fleet.manager.clock.advance(10 * 3_600_000);
  const plans = (await fleet.manager.store.plans({ limit: 100 })).length;
  await using again = await fleet.manager.restarted();
  const [rule] = await again.drift.list();

  assertEquals((await again.store.plans({ limit: 100 })).length, plans);
  assertEquals(rule?.nextAt, again.clock.now() + 60_000);
  assertEquals(await differing(again), ["web-1"]);
});

Deno.test("plans of rules are not listed with others, and only those that are needed are kept", async () => {
  await using fleet = await begun(HOURLY);
  const { store, plans } = fleet.manager;
  for (let round = 0; round < 3; round += 1) await looks(fleet);

  const named = (all: readonly { drift: string }[]) =>
    all.map(({ drift }) => drift);
  assertEquals(named(await plans.list({ limit: 10, withDrift: false })), [""]);
  assertEquals(named(await store.plans({ limit: 10 })), ["(whole) on all", ""]);
});

Deno.test("an error in a state is told once, until it is another", async () => {
  await using fleet = await begun({ ...HOURLY, state: "none" });
  await looks(fleet);
  await looks(fleet);

  const [rule] = await fleet.manager.drift.list();
  assertEquals(
    rule?.problem.startsWith('Cannot plan the state "none": none of these'),
    true,
  );
  assertEquals(await driftEvents(fleet.manager), ["drift_failed null"]);
});

Deno.test("a host that cannot be planned is untold with its reason and its first time, until it is told", async () => {
  await using fleet = await begun(HOURLY);
  const first = fleet.manager.clock.now() + 3_600_000;
  await block(fleet, "web-2");
  await looks(fleet);
  await looks(fleet);
  const [blocked] = await fleet.manager.drift.list();
  await using again = await fleet.manager.restarted();
  const [kept] = await again.drift.list();
  const events = await untoldEvents(fleet.manager);
  const [host] = blocked?.untold ?? [];

  assertEquals([blocked?.groups, blocked?.problem], [[], ""]);
  assertEquals(
    blocked?.untold.map(({ agent, since, planId }) => [
      agent,
      since - first,
      planId,
    ]),
    [["web-2", 0, 3n]],
  );
  assertMatch(
    host?.reason ?? "",
    /^step "Folder" cannot be done: .*there is a file$/,
  );
  assertEquals(blocked?.toldAt, fleet.manager.clock.now());
  assertEquals(kept?.untold, blocked?.untold);
  assertEquals(events.length, 1);
  assertMatch(
    events[0] ?? "",
    /^web-2: it is not known if "web-2" differs from its whole state, p-2: /,
  );
});

Deno.test("a host that was untold is told again, as it should be or as one that differs", async () => {
  await using fleet = await begun(HOURLY);
  for (const name of NAMES) await block(fleet, name);
  await looks(fleet);
  const [none] = await fleet.manager.drift.list();
  await unblock(fleet, "web-1");
  await Deno.writeTextFile(fleet.on("web-1", "etc/motd"), "This is web-1.\n");
  await unblock(fleet, "web-2");
  await looks(fleet);
  const [rule] = await fleet.manager.drift.list();

  assertEquals(none?.untold.map(({ agent }) => agent), NAMES);
  assertEquals(none?.toldAt, null);
  assertEquals(rule?.untold.map(({ agent }) => agent), ["web-3"]);
  assertEquals(await differing(fleet.manager), ["web-2"]);
});

Deno.test("a step that cannot be told makes its host untold, unless it is to be ignored", async () => {
  const states = {
    "states/all.yaml": `
- Make: { type: command.Run, command: "true", creates: "%ROOT%/\${agent}/made", changes: no, tags: [made] }
- Behind:
    type: file.Installed
    path: "%ROOT%/\${agent}/behind"
    content: x
    if: { path exists: "%ROOT%/\${agent}/made" }
`,
  };
  await using fleet = await PlanFleet.start(["web-1"], states);
  const untold = async (rule: DriftRule) => {
    await fleet.manager.drift.adopt([rule]);
    await looks(fleet);
    const [shown] = await fleet.manager.drift.list();
    return shown?.untold.map(({ reason }) => reason);
  };

  const [reason] = await untold({ ...HOURLY, ignore: ["Make"] }) ?? [];
  assertMatch(reason ?? "", /^step "Behind" cannot be told: /);
  assertEquals(await untold({ ...HOURLY, ignore: ["Make", "Behind"] }), []);
});

Deno.test("a state with an error leaves each connected host untold, and no plan names it", async () => {
  await using fleet = await begun({ ...HOURLY, state: "none" });
  fleet.leaves("web-3");
  await looks(fleet);
  const [rule] = await fleet.manager.drift.list();
  const seen = await fleet.manager.drift.list({
    has: (name) => name === "web-1",
    names: () => ["web-1"],
  });

  assertEquals(
    rule?.untold.map(({ agent, planId, reason }) => [
      agent,
      planId,
      reason === rule.problem,
    ]),
    [["web-1", null, true], ["web-2", null, true]],
  );
  assertEquals(await driftEvents(fleet.manager), ["drift_failed null"]);
  assertEquals(
    seen.map(({ problem, untold }) => [
      problem,
      untold.map(({ agent }) => agent),
    ]),
    [["", ["web-1"]]],
  );
});

Deno.test("a host that no longer has the state is untold no longer", async () => {
  const file = (name: string) => `states/agents/${name}/own.yaml`;
  const step = `
- Note: { type: file.Installed, path: "%ROOT%/\${agent}/etc/note", content: x }
`;
  await using fleet = await PlanFleet.start(["web-1", "web-2"], {
    [file("web-1")]: step,
    [file("web-2")]: step,
  });
  const rule = { ...HOURLY, state: "own" };
  await fleet.manager.drift.load([rule]);
  for (const name of ["web-1", "web-2"]) await block(fleet, name);
  await looks(fleet);
  const [before] = await fleet.manager.drift.list();
  await Deno.remove(fleet.folder.at("m", file("web-2")));
  await looks(fleet);
  const [after] = await fleet.manager.drift.list();

  assertEquals(before?.untold.map(({ agent }) => agent), ["web-1", "web-2"]);
  assertEquals(after?.untold.map(({ agent }) => agent), ["web-1"]);
});

/** A fleet whose hosts are as their state says, with a rule. */
async function begun(rule: DriftRule): Promise<PlanFleet> {
  await using undo = new AsyncDisposableStack();
  const fleet = undo.use(
    await PlanFleet.start(NAMES, STATES, { drift: [rule] }),
  );
  const { id } = await fleet.plan();
  await fleet.apply(id);
  await fleet.manager.drift.load([rule]);
  undo.move();
  return fleet;
}

/** Moves on by an hour, and waits until the plan of the rule has ended. */
async function looks({ manager }: PlanFleet): Promise<void> {
  await manager.clock.advance(3_600_000);
  await manager.drift.idle();
}

async function differing(manager: MemoryManager): Promise<string[]> {
  const rules = await manager.drift.list();
  return rules.flatMap(({ groups }) =>
    groups.flatMap(({ agents }) => agents.map(({ agent }) => agent))
  );
}

/** Puts a file in the place of the folder of a host, which no step can go through. */
async function block(fleet: PlanFleet, name: string): Promise<void> {
  const folder = fleet.on(name, "etc");
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(fleet.on(name, "."), { recursive: true });
  await Deno.writeTextFile(folder, "no folder\n");
}

async function unblock(fleet: PlanFleet, name: string): Promise<void> {
  await Deno.remove(fleet.on(name, "etc"));
  await Deno.mkdir(fleet.on(name, "etc"), { mode: 0o755 });
}

async function untoldEvents(manager: MemoryManager): Promise<string[]> {
  return (await manager.happened())
    .filter(({ kind }) => kind === "drift_failed")
    .map(({ agent, message }) => `${agent}: ${message}`);
}

async function driftEvents(manager: MemoryManager): Promise<string[]> {
  return (await manager.happened())
    .filter(({ kind }) => kind.startsWith("drift_"))
    .map(({ kind, agent }) => `${kind} ${agent}`);
}
