import { Sealed } from "../../../lib/base/sealed.ts";
import { secretsOf } from "../../../lib/operations/registry.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { canonicalHash, canonicalJson } from "../../../lib/base/statement.ts";
import type { Access } from "../../../lib/manager/access/access.ts";
import { refusal } from "../../support/refusal.ts";
import { ApprovalFleet, ASKS, ROOT } from "./approval_fleet.ts";

const HOUR_MS = 3_600_000;

Deno.test("a job by a rule with approvals starts once somebody else has approved", async () => {
  await using site = await ApprovalFleet.start();
  const alice = await site.knows("alice", [ASKS]);
  const bob = await site.knows("bob");
  const approval = await site.proposes(alice);
  assertEquals([approval.id, approval.state, approval.needed], [
    1n,
    "waiting",
    1,
  ]);
  assertEquals(site.fleet.started, []);

  const started = await site.approve(bob);

  assertEquals([started.state, started.jobId], ["started", 1n]);
  assertEquals(site.fleet.started, ["web-1", "web-2"]);
  assertEquals((await site.fleet.jobs.get(1n)).requestedBy, "alice");
  assertEquals(await site.acts(), [
    "Propose by alice: approval a-1",
    "Approve by bob: ",
    "StartJob by alice: job j-1, 2 agents",
  ]);
});

Deno.test("an approved job goes on while its rule asks for no more, and is stopped once it does", async () => {
  await using site = await ApprovalFleet.start();
  await site.fleet.manager.knows("web-3");
  await site.fleet.connect("web-3");
  const alice = await site.knows("alice", [ASKS]);
  const bob = await site.knows("bob");
  const limits = {
    canaryTargets: [],
    cancelRest: false,
    order: "name",
    supersedeKey: "",
    batch: { count: 1 },
  } as const;
  await site.proposes(alice, { limits });
  await site.approve(bob);
  await site.fleet.finish("web-1");
  assertEquals(site.fleet.started, ["web-1", "web-2"]);

  await site.access.addRule({
    operator: "alice",
    deny: false,
    onTargets: "all",
    operations: ["*"],
    argv: [],
    most: 0,
    trustFacts: false,
    approve: 2,
    within: "",
  });
  await site.access.removeRule("alice", 1);
  await site.fleet.finish("web-2");

  assertEquals(
    (await site.fleet.entries())[2],
    'web-3 refused: not sent: "alice" may no longer do it: rule alice#2 needs 2 approvals by somebody else now, and it has 1',
  );
});

Deno.test("a job waits if it is proposed, though no rule asks for approvals", async () => {
  await using site = await ApprovalFleet.start();
  const alice = await site.knows("alice");
  const approval = await site.proposes(ROOT, { propose: true });
  await site.approve(alice, approval.id);

  assertEquals(site.fleet.started, ["web-1", "web-2"]);
});

Deno.test("a job that needs approvals is refused to those who wait for none", async () => {
  await using site = await ApprovalFleet.start();
  const { identity } = await site.knows("alice", [ASKS]);
  const rights = identity === undefined ? {} : { rights: identity };
  const wanted =
    "FAILED_PRECONDITION: Cannot run echo.Echo at once: rule alice#1 needs 1 approval by somebody else (piri-manager run asks for it)";

  assertEquals(await refusal(site.fleet.ask({ ...rights })), wanted);
  assertEquals(
    await refusal(site.fleet.manager.commands.run({
      agents: ["web-1"],
      operation: "echo.Echo",
      params: "{}",
      requestId: "r",
      onDisconnect: "continue",
      requestedBy: "alice",
      saidBy: "",
      ...rights,
    })),
    wanted,
  );
});

for (
  const [who, decider, outcome] of [
    [
      "the operator who asked",
      (site: ApprovalFleet) => Promise.resolve(site.by("alice")),
      'DENIED: Cannot approve a-1: "alice" asked for it, and somebody else must decide',
    ],
    ["a user of the Manager's machine", () => Promise.resolve(ROOT), "done"],
    [
      "an operator whose rules allow it only with approvals",
      (site: ApprovalFleet) => site.knows("bob", [ASKS]),
      "done",
    ],
    [
      "an operator without a rule for one of the agents",
      (site: ApprovalFleet) => site.knows("bob", [{ onTargets: "web-1" }]),
      'DENIED: Cannot run echo.Echo on "web-2": no rule of "bob" allows it (bob#1 allows "web-1")',
    ],
    [
      "an admin without a rule",
      (site: ApprovalFleet) => site.knows("bob", [], { role: "admin" }),
      "done",
    ],
    [
      "a viewer",
      (site: ApprovalFleet) => site.knows("bob", [{}], { role: "viewer" }),
      'DENIED: Cannot decide on a-1: its role is "viewer"',
    ],
    [
      "an operator who does not see all of the agents",
      (site: ApprovalFleet) => site.knows("bob", [{}], { see: "web-1" }),
      "NOT_FOUND: Cannot find a-1: there is no such approval",
    ],
  ] as const
) {
  Deno.test(`${who} ${outcome === "done" ? "can" : "cannot"} approve a request of an operator`, async () => {
    await using site = await ApprovalFleet.start();
    await site.proposes(await site.knows("alice", [ASKS]));
    const by = await decider(site);
    assertEquals(await refusal(site.approve(by)), outcome);
  });
}

Deno.test("a request from the Manager's machine is not approved there, whoever the user is", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(ROOT, { propose: true });
  assertEquals(
    await refusal(site.approve({ ...ROOT, requestedBy: "anna" })),
    "DENIED: Cannot approve a-1: it was asked for on the Manager's machine, so an operator with a login must decide",
  );
});

Deno.test("two approvals are two different people's", async () => {
  await using site = await ApprovalFleet.start();
  const alice = await site.knows("alice", [{ approve: 2 }]);
  const bob = await site.knows("bob");
  await site.proposes(alice);
  assertEquals((await site.approve(bob)).state, "waiting");

  assertEquals(
    await refusal(site.approve(bob)),
    'FAILED_PRECONDITION: Cannot approve a-1: "bob" has approved it already',
  );
  assertEquals(site.fleet.started, []);
  assertEquals((await site.approve(ROOT)).state, "started");
});

Deno.test("an approval of somebody who was suspended since does not count", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(await site.knows("alice", [{ approve: 2 }]));
  await site.approve(await site.knows("bob"));
  await site.access.set("bob", { suspended: true });
  const now = await site.approve(await site.knows("carol"));

  assertEquals([now.state, now.votes.map(({ by }) => by)], [
    "waiting",
    ["carol"],
  ]);
});

for (
  const [change, why, act] of [
    [
      "was suspended",
      'Cannot act as "alice": it is suspended',
      (access: Access) => access.set("alice", { suspended: true }),
    ],
    [
      "was removed",
      'Cannot act as "alice": there is no such operator',
      (access: Access) => access.remove("alice"),
    ],
    [
      "lost the rule",
      'Cannot run echo.Echo on "web-1": no rule of "alice" allows it',
      (access: Access) => access.removeRule("alice", 1),
    ],
    [
      "has lost the token",
      'Cannot act as "alice": token 2 was revoked',
      (access: Access) => access.revoke(2),
    ],
    [
      "sees one of the agents no more",
      'there is no agent "web-2"',
      (access: Access) => access.set("alice", { see: "web-1" }),
    ],
  ] as const
) {
  Deno.test(`an approval starts nothing if the operator who asked ${change}`, async () => {
    await using site = await ApprovalFleet.start();
    await site.proposes(await site.knows("alice", [ASKS]));
    const bob = await site.knows("bob");
    await act(site.access);
    const { state, reason } = await site.approve(bob);

    assertEquals([state, reason.includes(why)], ["refused", true], reason);
    assertEquals(site.fleet.started, []);
    assertEquals((await site.acts()).length, 2);
  });
}

Deno.test("an approval starts nothing if an agent was removed", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(await site.knows("alice", [ASKS]));
  await site.fleet.disconnect("web-2");
  await site.fleet.manager.agents.remove("web-2", { force: true });
  const { state } = await site.approve(ROOT);

  assertEquals([state, site.fleet.started], ["refused", []]);
});

Deno.test("a job that was approved is for the agents of the time when it was asked for", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(await site.knows("alice", [ASKS]));
  await site.fleet.manager.knows("web-3");
  await site.fleet.connect("web-3");
  await site.approve(ROOT);

  assertEquals(site.fleet.started, ["web-1", "web-2"]);
});

Deno.test("a job that nobody approves within an hour has expired", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(await site.knows("alice", [ASKS]));
  await site.fleet.advance(HOUR_MS - 10_000);
  assertEquals(await site.state(), "waiting");
  await site.fleet.advance(20_000);

  assertEquals(await site.state(), "expired: nobody decided within 1 h");
  assertEquals(
    await refusal(site.approve(ROOT)),
    "FAILED_PRECONDITION: Cannot approve a-1: it is expired",
  );
  assertEquals(
    (await site.acts()).at(-1),
    "Expire by : nobody decided within 1 h",
  );
});

for (const crash of [true, false]) {
  Deno.test(`a job waits on after ${crash ? "a crash" : "a restart"} of the Manager, and starts once`, async () => {
    await using site = await ApprovalFleet.start();
    await site.proposes(await site.knows("alice", [ASKS]), {
      requestId: "once",
    });
    await site.fleet.restart({ crash });
    await site.fleet.connect("web-1");
    await site.fleet.connect("web-2");
    assertEquals(await site.state(), "waiting");
    const again = await site.proposes(site.by("alice"), { requestId: "once" });
    assertEquals(again.id, 1n);

    await site.approve(ROOT);
    await site.fleet.restart({ crash });
    const jobs = await site.fleet.jobs.list({ limit: 10 });
    assertEquals(jobs.map(({ id }) => id), [1n]);
    assertEquals(
      await refusal(site.approve(ROOT)),
      "FAILED_PRECONDITION: Cannot approve a-1: it was approved, and has become job j-1",
    );
  });
}

Deno.test("a job whose hour is over while the Manager is away has expired at the start", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(await site.knows("alice", [ASKS]));
  site.fleet.manager.approvals.stop();
  await site.fleet.advance(HOUR_MS + 5_000);
  assertEquals(await site.state(), "waiting");
  await site.fleet.restart();

  assertEquals(await site.state(), "expired: nobody decided within 1 h");
});

Deno.test("a job is rejected with a reason, and nobody can approve it any more", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(await site.knows("alice", [ASKS]));
  const bob = await site.knows("bob");
  await site.approvals.reject(1n, { ...bob, reason: "not now" });

  assertEquals(await site.state(), "rejected: rejected by bob: not now");
  assertEquals(
    await refusal(site.approve(ROOT)),
    "FAILED_PRECONDITION: Cannot approve a-1: it is rejected",
  );
});

Deno.test("a job can be withdrawn only by the operator who asked for it", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(await site.knows("alice", [ASKS]));
  assertEquals(
    await refusal(site.approvals.withdraw(1n, ROOT)),
    'DENIED: Cannot withdraw a-1: "alice" asked for it (piri-manager reject a-1 REASON)',
  );
  await site.approvals.withdraw(1n, site.by("alice"));
  assertEquals(await site.state(), "withdrawn: withdrawn by alice");
});

Deno.test("a watcher is told of each approval, and of the end", async () => {
  await using site = await ApprovalFleet.start();
  await site.proposes(await site.knows("alice", [{ approve: 2 }]));
  const heard: string[] = [];
  const options = { signal: new AbortController().signal, sight: undefined };
  const read = async () => {
    for await (const view of site.approvals.watch(1n, options)) {
      heard.push(`${view.state} ${view.votes.length}`);
    }
  };
  const done = read();
  await site.fleet.settle();
  await site.approve(await site.knows("bob"));
  await site.approve(ROOT);
  await done;

  assertEquals(heard, ["waiting 0", "waiting 1", "started 2"]);
});

Deno.test("an approval of another statement than that which was looked at is refused", async () => {
  await using site = await ApprovalFleet.start();
  const { statement, hash } = await site.proposes(
    await site.knows("alice", [ASKS]),
    { params: '{"text":"hi"}', timeoutMs: 5_000 },
  );
  assertEquals(
    statement,
    '{"limits":{"canaryTargets":[],"cancelRest":false,"onDisconnect":"continue","order":"name","supersedeKey":"","timeoutMs":5000},"names":["web-1","web-2"],"operation":"echo.Echo","params":{"text":"hi"},"secrets":[],"version":1}',
  );
  assertEquals(canonicalHash(JSON.parse(statement)), hash);
  assertEquals(canonicalJson(JSON.parse(statement)), statement);
  const other = { ...ROOT, note: "", hash: new Uint8Array(32) };
  const answer = await refusal(site.approvals.approve(1n, other));
  assertEquals(answer.startsWith("FAILED_PRECONDITION"), true, answer);
});

/** Work with a secret that was typed. */
const TYPED = {
  operation: "command.Run",
  params: JSON.stringify({
    argv: ["x"],
    secret_env: { TOKEN: "given:TOKEN" },
  }),
  secrets: new Map([["given:TOKEN", new Sealed("letmein1")]]),
};

Deno.test("a secret that was typed waits in memory, and is in no record and no statement", async () => {
  await using site = await ApprovalFleet.start({ secretsOf });
  const view = await site.proposes(await site.knows("alice", [ASKS]), TYPED);
  assertEquals(JSON.parse(view.statement).secrets, ["given:TOKEN"]);

  const { jobId } = await site.approve(ROOT);
  const kept = [
    view,
    await site.approvals.get(1n),
    await site.fleet.jobs.get(jobId ?? 0n),
    await site.fleet.manager.audit.list({ limit: 100 }),
  ];
  assertEquals(Deno.inspect(kept, { depth: 20 }).includes("letmein1"), false);
});

Deno.test("a job whose typed secret went with a restart does not start, and says what to do", async () => {
  await using site = await ApprovalFleet.start({ secretsOf });
  await site.proposes(await site.knows("alice", [ASKS]), TYPED);
  await site.fleet.restart();
  await site.fleet.connect("web-1");
  await site.fleet.connect("web-2");

  const { state, reason, jobId } = await site.approve(ROOT);
  assertEquals([state, jobId], ["refused", null]);
  assertMatch(reason, /it came with a request, and is nowhere any more/);
});
