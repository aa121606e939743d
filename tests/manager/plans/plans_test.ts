import { assert, assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { identityOf, loggedIn } from "../../support/an_operator.ts";
import { PlanFleet, statesOf } from "./plan_fleet.ts";

const NAMES = ["web-1", "web-2", "web-3"];

const STATES = {
  "states/all.yaml": `
- Folder: {type: file.Dir, path: "%ROOT%/\${agent}/etc", mode: 0755}
- Note:
    type: file.Installed
    path: "%ROOT%/\${agent}/etc/motd"
    content: "This is \${agent}.\\n"
    mode: 0644
- Site:
    type: file.Installed
    path: "%ROOT%/\${agent}/etc/site"
    source: site
`,
  "files/all/site": `${"line\n".repeat(10_000)}`,
};

Deno.test("a plan tells what would change, an apply does just that, and the next plan is empty", async () => {
  await using fleet = await PlanFleet.start(NAMES, STATES);
  const plan = await fleet.plan();

  assertEquals(statesOf(plan), NAMES.map((name) => `${name}: planned`));
  assertEquals(
    plan.groups.map(({ agents, steps }) => [
      agents,
      steps.map(({ name, verdict }) => `${name} ${verdict}`),
    ]),
    [[NAMES, ["Folder change", "Note change", "Site change"]]],
  );
  assertEquals(await fleet.text("web-1", "etc/motd"), undefined);

  const applied = await fleet.apply(plan.id);
  assertEquals(statesOf(applied), NAMES.map((name) => `${name}: applied`));
  assertEquals(applied.state, "applied");
  assertEquals(await fleet.text("web-2", "etc/motd"), "This is web-2.\n");
  assertEquals((await fleet.text("web-3", "etc/site"))?.length, 50_000);

  const again = await fleet.plan();
  assertEquals(statesOf(again), NAMES.map((name) => `${name}: same`));
  assertEquals(again.groups, []);
  await assertRejects(
    () => fleet.apply(again.id),
    PiriError,
    "Cannot apply plan p-2: nothing would change",
  );
});

Deno.test("a change by hand between plan and apply is refused on its host, and the others go on", async () => {
  await using fleet = await PlanFleet.start(NAMES, STATES);
  const { id } = await fleet.plan();
  await Deno.mkdir(fleet.on("web-2", "etc"));
  await Deno.writeTextFile(fleet.on("web-2", "etc/motd"), "by hand\n");

  const applied = await fleet.apply(id);
  assertEquals(applied.state, "partly");
  assertEquals(statesOf(applied), [
    "web-1: applied",
    "web-2: refused",
    "web-3: applied",
  ]);
  assertEquals(
    applied.entries[1]?.message,
    'Cannot apply the plan: step "Folder" was planned as change (folder (absent) -> folder) and is now ok; so are 1 more steps; plan again',
  );
  assertEquals(await fleet.text("web-2", "etc/motd"), "by hand\n");
});

Deno.test("an agent that has begun a plan does not take it again, by whatever command", async () => {
  await using fleet = await PlanFleet.start(["web-1"], STATES);
  const { id } = await fleet.plan();
  await fleet.apply(id);
  await Deno.remove(fleet.on("web-1", "etc"), { recursive: true });

  await assertRejects(
    () => fleet.apply(id),
    PiriError,
    "Cannot apply plan p-1: no agent is left that it could be applied on; piri-manager plan makes a new one",
  );
  const { id: command } = await fleet.manager.run("web-1", {
    operation: "state.Apply",
    params: '{"plan":"p-1"}',
  });
  await fleet.over(command);
  const { state, errorCode, reason } = await fleet.manager.commands.get(
    command,
  );
  assertEquals([state, errorCode, reason], [
    "failed",
    "FAILED_PRECONDITION",
    "Cannot apply plan p-1: command 2 has begun it on this agent already; plan again",
  ]);
  await assertRejects(
    () =>
      fleet.manager.jobs.rerun(2n, {
        scope: "all",
        on: [],
        requestId: "again",
        requestedBy: "anna",
        saidBy: "",
      }),
    PiriError,
    "Cannot run job j-2 again: a plan is for once, and it is one of p-1; piri-manager plan makes a new one",
  );
  assertEquals(await fleet.text("web-1", "etc/motd"), undefined);
});

Deno.test("a plan is refused when it is a day old or withdrawn, and by an agent of another version", async () => {
  await using fleet = await PlanFleet.start(["web-1"], STATES);
  const updated = await fleet.plan();
  await fleet.connect("web-1", { version: "1.1.0" });
  const [refused] = (await fleet.apply(updated.id)).entries;
  const withdrawn = await fleet.plan();
  const asker = { requestedBy: "ben", saidBy: "" };
  await fleet.manager.plans.withdraw(withdrawn.id, asker);
  const old = await fleet.plan();
  fleet.manager.clock.jump(86_400_000);

  assertEquals([refused?.state, refused?.message], [
    "refused",
    "Cannot apply plan p-1: the agent was version 1.0.0 then, and is 1.1.0; plan again",
  ]);
  await assertRejects(
    () => fleet.apply(withdrawn.id),
    PiriError,
    "Cannot apply plan p-2: it was withdrawn by ben; piri-manager plan makes a new one",
  );
  await assertRejects(
    () => fleet.apply(old.id),
    PiriError,
    "Cannot apply plan p-3: it is over 24 h old; piri-manager plan makes a new one",
  );
  const { state } = await fleet.manager.plans.get(old.id);
  assertEquals(state, "stale");
  assertEquals(await fleet.text("web-1", "etc/motd"), undefined);
});

Deno.test("errors of a state come by agent, and then nothing is recorded and nobody is asked", async () => {
  await using fleet = await PlanFleet.start(NAMES, {
    "states/all.yaml": "- A: {type: file.Instaled, path: /a, content: b}\n",
  });
  const made = await fleet.make();

  assert("problems" in made);
  assertEquals(made.problems.map(({ agents }) => agents), [NAMES]);
  assertEquals(
    made.problems[0]?.text.split("\n")[0],
    'states/all.yaml:1:13: Cannot find the operation "file.Instaled": did you mean "file.Installed"?',
  );
  assertEquals(await fleet.manager.plans.list({ limit: 10 }), []);
  await assertRejects(
    () => fleet.make("wbe"),
    PiriError,
    'Cannot plan the state "wbe": none of these agents has it',
  );
});

Deno.test("agents get their own part of a plan, and what it names, only for a command that names it", async () => {
  await using fleet = await PlanFleet.start(["web-1", "web-2"], STATES);
  const { entries } = await fleet.plan("", "web-1");
  const params = JSON.stringify({ plan: "p-1" });
  const { id } = await fleet.manager.run("web-2", {
    operation: "state.Plan",
    params,
  });
  await fleet.over(id);
  const { reason } = await fleet.manager.commands.get(id);

  assertEquals(
    reason,
    "Cannot find plan p-1: there is none of this name with this agent",
  );
  const [entry] = entries;
  const answers = await Promise.all([
    fleet.asks("web-1", "state_sheet", { plan: "p-1", command: "1" }),
    fleet.asks("web-1", "blob", {
      sha256: entry?.sheet,
      offset: 0,
      length: 10,
    }),
  ]);
  assertEquals(answers, [
    'DENIED: Cannot answer the request: no open command 1 of agent "web-1" names the plan "p-1"',
    `DENIED: Cannot answer the request: no open command of agent "web-1" names the blob ${entry?.sheet}`,
  ]);
});

Deno.test("planning and applying need a rule each, and a plan with an agent out of sight is not there", async () => {
  await using fleet = await PlanFleet.start(["web-1", "web-2"], STATES);
  const { access, plans } = fleet.manager;
  const rules = [{ operations: ["state.Plan"] }];
  const alice = identityOf(access, await loggedIn(access, "alice", { rules }));
  const options = { rules: [{}], see: "web-1" };
  const bob = identityOf(access, await loggedIn(access, "bob", options));
  const by = { requestedBy: "alice", rights: alice };
  const made = await fleet.make("", "all", by);
  assert("plan" in made);
  await fleet.ended(made.plan.jobId ?? 0n);

  await assertRejects(
    () => fleet.apply(1n, by),
    PiriError,
    "state.Apply",
  );
  for (const id of [1n, 9n]) {
    await assertRejects(
      () => plans.get(id, bob.sight),
      PiriError,
      `Cannot find plan p-${id}: there is no such plan`,
    );
  }
  assertEquals(await plans.list({ limit: 10 }, bob.sight), []);
  assertEquals(await fleet.text("web-1", "etc/motd"), undefined);
});

Deno.test("a plan, and that it was begun, survive a restart, and both go with the history", async () => {
  await using fleet = await PlanFleet.start(["web-1"], STATES);
  const { id, entries } = await fleet.plan();
  await fleet.apply(id);
  await using again = await fleet.manager.restarted();
  const { state, groups } = await again.plans.get(id);
  const uses = await again.store.blobUses();
  const [sheet] = entries.map((each) => each.sheet);

  assertEquals([state, groups.length], ["applied", 1]);
  assert(uses.some(({ sha256 }) => sha256 === sheet));
  await again.store.prune({
    before: again.clock.now() + 1,
    outputBytes: 1_000_000n,
  });
  assertEquals(await again.plans.list({ limit: 10 }), []);
  assertEquals(await again.store.blobUses(), []);
});
