import { assertEquals } from "@std/assert";
import { PlanFleet, statesOf } from "./plan_fleet.ts";

const STATES = {
  "states/all.yaml": `
- Role:
    type: file.Installed
    path: "%ROOT%/\${agent}/role"
    content: "\${facts.host.role}\\n"
    mode: 0644
- Mark: {type: file.Absent, path: "%ROOT%/\${agent}/mark"}
`,
  "states/all/plain.yaml": `
- Mark: {type: file.Absent, path: "%ROOT%/\${agent}/mark"}
`,
};

/** Fleet whose web-1 and web-2 have told that they are databases, and web-1 is a cache now. */
async function fleetWithChange(): Promise<PlanFleet> {
  const fleet = await PlanFleet.start([], STATES);
  for (const name of ["web-1", "web-2"]) {
    await fleet.manager.knows(name);
    await fleet.connect(name, { facts: { "host.role": "db" } });
  }
  await fleet.changeFacts("web-1", { "host.role": "cache" });
  return fleet;
}

const CHANGED =
  'Cannot run the state: it was compiled with other facts of this host: host.role was "db", and is "cache"; plan again';

Deno.test("a plan fails on a host whose facts are others than its agent told, and the next one has them", async () => {
  await using fleet = await fleetWithChange();

  const plan = await fleet.plan();
  assertEquals(statesOf(plan), ["web-1: failed", "web-2: planned"]);
  assertEquals(plan.entries[0]?.message, CHANGED);

  const again = await fleet.plan();
  assertEquals(statesOf(again), ["web-1: planned", "web-2: planned"]);
  await fleet.apply(again.id);
  assertEquals(await fleet.text("web-1", "role"), "cache\n");
  assertEquals(await fleet.text("web-2", "role"), "db\n");
});

Deno.test("an apply is refused on a host whose facts have changed since the plan, before any step", async () => {
  await using fleet = await fleetWithChange();
  await fleet.changeFacts("web-1", { "host.role": "db" });
  const { id } = await fleet.plan();
  await fleet.changeFacts("web-1", { "host.role": "cache" });

  const applied = await fleet.apply(id);
  assertEquals(statesOf(applied), ["web-1: refused", "web-2: applied"]);
  assertEquals(applied.entries[0]?.message, CHANGED);
  assertEquals(await fleet.text("web-1", "role"), undefined);

  await fleet.apply((await fleet.plan()).id);
  assertEquals(await fleet.text("web-1", "role"), "cache\n");
});

Deno.test("a change of facts that a state does not ask for refuses nothing", async () => {
  await using fleet = await fleetWithChange();
  await fleet.changeFacts("web-2", { "host.role": "db", "host.rack": "7" });

  assertEquals(statesOf(await fleet.plan("plain")), [
    "web-1: same",
    "web-2: same",
  ]);
  assertEquals(statesOf(await fleet.plan("", "web-2")), ["web-2: planned"]);
});

Deno.test("a fact that an operator has set is not the host's to change", async () => {
  await using fleet = await fleetWithChange();
  await fleet.manager.agents.set(["all"], {
    addGroups: [],
    removeGroups: [],
    setFacts: { "host.role": "web" },
    removeFacts: [],
  });

  const { id } = await fleet.plan();
  await fleet.apply(id);
  assertEquals(await fleet.text("web-1", "role"), "web\n");
});
