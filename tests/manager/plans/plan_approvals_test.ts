import { assertEquals, assertMatch } from "@std/assert";
import type {
  ApprovalView,
  Decider,
} from "../../../lib/manager/api/approval_api.ts";
import { digestOf } from "../../../lib/manager/plans/plan_digest.ts";
import type { PlanAgentRecord } from "../../../lib/store/plan_records.ts";
import {
  type GivenRule,
  identityOf,
  loggedIn,
} from "../../support/an_operator.ts";
import { refusal } from "../../support/refusal.ts";
import { PlanFleet, statesOf } from "./plan_fleet.ts";

const HOUR_MS = 3_600_000;

/** Rules of who may plan, and apply with an approval by somebody else. */
const ASKS: readonly GivenRule[] = [
  { operations: ["state.Plan"] },
  { operations: ["state.Apply"], approve: 1 },
];

const STATES = {
  "states/all.yaml": `
- Config: {type: file.Installed, path: "%ROOT%/\${agent}/config", content: "pw=\${secrets.db}\\n", mode: 0600}
- Note: {type: file.Installed, path: "%ROOT%/\${agent}/note", content: hello}
`,
};

/** Fleet with a secret in its states, and operators that have logged in. */
async function start() {
  const fleet = await PlanFleet.start(["web-1", "web-2"], STATES);
  await fleet.setSecret("db", "secret value");
  const { access } = fleet.manager;
  return {
    fleet,
    async knows(
      name: string,
      rules: readonly GivenRule[] = ASKS,
    ): Promise<Decider> {
      const identity = identityOf(
        access,
        await loggedIn(access, name, { rules }),
      );
      return { requestedBy: name, saidBy: "", identity };
    },
    async asks(
      { identity, requestedBy }: Decider,
      id = 1n,
    ): Promise<ApprovalView> {
      const rights = identity === undefined ? {} : { rights: identity };
      const asked = await fleet.asksToApply(id, { requestedBy, ...rights });
      if ("approval" in asked) return asked.approval;
      throw new Error("it was started at once");
    },
    async acts(): Promise<string[]> {
      const entries = await fleet.manager.audit.list({ limit: 100 });
      return entries.toReversed()
        .filter(({ act }) => /Plan|Propose|Approve|Expire/.test(act))
        .map(({ act, who, target }) => `${act} by ${who}: ${target}`);
    },
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

const NOTHING = { note: "", sha256: "" };

Deno.test("an apply by a rule with approvals waits, and runs once another approved of that plan", async () => {
  await using site = await start();
  const [alice, bob] = [await site.knows("alice"), await site.knows("bob")];
  const { sha256, secrets } = await site.fleet.plan();
  const approval = await site.asks(alice);
  const before = await site.fleet.text("web-1", "note");

  const { approvals } = await site.fleet.manager.plans.approve(1n, {
    ...bob,
    note: "ok",
    sha256,
  });
  const [{ state, jobId } = approval] = approvals;
  await site.fleet.ended(jobId ?? 0n);

  const { plan, secrets: named, params } = JSON.parse(approval.statement);
  assertEquals(secrets, ["db"]);
  assertEquals([plan, named, params], [
    { name: "p-1", sha256 },
    ["db"],
    { plan: "p-1" },
  ]);
  assertEquals([before, state], [undefined, "started"]);
  const after = await site.fleet.manager.plans.get(1n);
  assertEquals(statesOf(after), ["web-1: applied", "web-2: applied"]);
  assertEquals(after.entries.map(({ applyJob }) => applyJob), [jobId, jobId]);
  assertEquals(await site.acts(), [
    "MakePlan by anna: all",
    "Propose by alice: web-1, web-2",
    "Approve by bob: a-1",
    "ApplyPlan by alice: p-1",
  ]);
});

Deno.test("an approval in advance lets another apply exactly that plan at once, and nobody else", async () => {
  await using site = await start();
  const [alice, bob] = [await site.knows("alice"), await site.knows("bob")];
  await site.fleet.plan();
  await site.fleet.plan();
  const { plans } = site.fleet.manager;
  await plans.approve(1n, { ...bob, ...NOTHING });

  const other = await site.asks(alice, 2n);
  const own = await site.asks(bob);
  const asked = await site.fleet.asksToApply(1n, {
    requestedBy: "alice",
    ...alice.identity === undefined ? {} : { rights: alice.identity },
  });
  await site.fleet.ended("job" in asked ? asked.job.id : 0n);

  assertEquals([other.state, own.state], ["waiting", "waiting"]);
  assertEquals(statesOf(await plans.get(1n)), [
    "web-1: applied",
    "web-2: applied",
  ]);
  assertEquals("job" in asked && asked.job.approvedBy, ["bob"]);
});

Deno.test("an approval in advance is not counted for a plan that is another since", async () => {
  await using site = await start();
  const [alice, bob] = [await site.knows("alice"), await site.knows("bob")];
  const { sha256, votes } = await site.fleet.plan();
  const { plans, store } = site.fleet.manager;
  await plans.approve(1n, { ...bob, ...NOTHING });
  const [vote = null] = (await plans.get(1n)).votes;
  await store.changePlan(1n, {
    kind: "vote",
    votes: vote === null
      ? []
      : [{ ...vote, sha256: sha256.replace(/^./, "x") }],
  });

  assertEquals(votes, []);
  assertEquals((await site.asks(alice)).votes, []);
});

Deno.test("approve refuses another SHA-256, who asked, who may not apply, and a second approval", async () => {
  await using site = await start();
  const [alice, bob] = [await site.knows("alice"), await site.knows("bob")];
  const carl = await site.knows("carl", [{ operations: ["command.Run"] }]);
  await site.fleet.plan();
  const { plans } = site.fleet.manager;
  const sha256 = "0".repeat(64);
  const other = refusal(plans.approve(1n, { ...bob, note: "", sha256 }));
  assertMatch(await other, /^FAILED_PRECONDITION: .* its SHA-256 is .*, not 0/);
  assertMatch(
    await refusal(plans.approve(1n, { ...carl, ...NOTHING })),
    /^DENIED: /,
  );
  await plans.approve(1n, { ...bob, ...NOTHING });
  assertMatch(
    await refusal(plans.approve(1n, { ...bob, ...NOTHING })),
    /^FAILED_PRECONDITION: .*"bob" has approved it already$/,
  );
  await site.asks(bob);
  assertMatch(
    await refusal(plans.approve(1n, { ...bob, ...NOTHING })),
    /^DENIED: .*"bob" asked for it, and somebody else must decide$/,
  );
  await plans.withdraw(1n, { requestedBy: "anna", saidBy: "" });
  assertMatch(
    await refusal(plans.approve(1n, { ...alice, ...NOTHING })),
    /^REFUSED: Cannot approve plan p-1: it was withdrawn by anna/,
  );
});

Deno.test("a plan that was withdrawn while it waited is not applied, and the approval says so", async () => {
  await using site = await start();
  const [alice, bob] = [await site.knows("alice"), await site.knows("bob")];
  await site.fleet.plan();
  const { plans, approvals } = site.fleet.manager;
  const { id } = await site.asks(alice);
  await plans.withdraw(1n, { requestedBy: "anna", saidBy: "" });

  const decision = { ...bob, note: "", hash: new Uint8Array() };
  const refused = await approvals.approve(id, decision);

  assertEquals(refused.state, "refused");
  assertMatch(
    refused.reason,
    /Cannot apply plan p-1: it was withdrawn by anna/,
  );
  assertEquals(await site.fleet.text("web-1", "note"), undefined);
});

Deno.test("an apply that nobody approves is expired after an hour, and the plan can be asked for again", async () => {
  await using site = await start();
  const alice = await site.knows("alice");
  await site.fleet.plan();
  const { id } = await site.asks(alice);
  const { clock, approvals } = site.fleet.manager;
  await clock.advance(HOUR_MS + 1);
  await clock.settle();

  assertEquals((await approvals.get(id)).state, "expired");
  assertEquals((await site.asks(alice)).state, "waiting");
  assertEquals((await site.acts()).at(-2), "Expire by : a-1");
});

Deno.test("the SHA-256 of a plan is another if anything is that it would do", () => {
  const plan = { id: 1n, stateName: "web", only: [], strict: false };
  const agent: PlanAgentRecord = {
    agent: "web-1",
    sheet: "s",
    facts: "f",
    usedFacts: {},
    ownWords: [],
    places: "",
    version: "1",
    instance: "i",
    state: "planned",
    message: "",
    counts: { ok: 0, change: 1, unknown: 0, failed: 0, skipped: 0 },
    expect: "e",
    changes: "c",
    applyJob: null,
    applyCommand: null,
  };
  const others = [
    digestOf({ ...plan, id: 2n }, [agent]),
    digestOf({ ...plan, stateName: "" }, [agent]),
    digestOf({ ...plan, only: ["Site"] }, [agent]),
    digestOf({ ...plan, strict: true }, [agent]),
    ...(["agent", "sheet", "expect", "changes"] as const).map((field) =>
      digestOf(plan, [{ ...agent, [field]: "x" }])
    ),
    digestOf(plan, [agent, { ...agent, agent: "web-2" }]),
  ];

  const own = digestOf(plan, [agent]);
  assertEquals(new Set([own, ...others]).size, others.length + 1);
  assertEquals(digestOf(plan, [{ ...agent, applyJob: 3n }]), own);
  assertEquals(digestOf(plan, [{ ...agent, state: "planning" }]), "");
});

Deno.test("an apply that may not wait is refused without an approval, and nothing is proposed", async () => {
  await using site = await start();
  const alice = await site.knows("alice");
  await site.fleet.plan();
  const rights = alice.identity === undefined ? {} : { rights: alice.identity };
  const asked = site.fleet.asksToApply(
    1n,
    { requestedBy: "alice", ...rights },
    { acceptsApproval: false },
  );

  assertMatch(
    await refusal(asked),
    /^FAILED_PRECONDITION: Cannot run state.Apply at once: rule alice#2 needs 1 approval/,
  );
  assertEquals(await site.fleet.manager.approvals.list({ limit: 10 }), []);
});
