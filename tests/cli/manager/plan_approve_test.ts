import { assertEquals, assertMatch } from "@std/assert";
import { identityOf, loggedIn } from "../../support/an_operator.ts";
import { type PlanSite, served } from "./plan_site.ts";

/** Site with a plan with a secret, which an operator has asked to apply and needs an approval for. */
async function waiting(): Promise<PlanSite> {
  const site = await served({
    "states/all/web.yaml": `
- Config: {type: file.Installed, path: "%ROOT%/\${agent}/config", content: "\${secrets.db}", mode: 0600}
`,
  });
  const { fleet } = site;
  const { access } = fleet.manager;
  await fleet.setSecret("db", "secret value");
  await site.run("plan", "web", "web-1");
  const rules = [{ approve: 1 }];
  const rights = identityOf(access, await loggedIn(access, "alice", { rules }));
  await fleet.asksToApply(1n, { requestedBy: "alice", rights });
  return site;
}

Deno.test("plan approve shows the plan with its secrets, asks, and approves of what waits", async () => {
  await using site = await waiting();
  const surroundings = { terminals: ["stderr"], keyboard: true } as const;
  const no = site.begin(["plan", "approve", "p-1"], surroundings);
  await no.asked;
  await no.fake.press("n");
  const left = await no.code;
  const dumb = await site.run("plan", "approve", "p-1");
  const shown = await site.run("approval", "show", "a-1");
  const yes = await site.run("plan", "approve", "p-1", "--yes");
  await site.fleet.ended(2n);

  assertEquals([left, dumb.code, shown.code, yes.code], [7, 2, 0, 0]);
  assertMatch(
    no.fake.stdout.text,
    /^plan p-1: state web on web-1.*\nsecrets: db\n\n1 agent: web-1\n {2}~ Config: /,
  );
  assertMatch(shown.out, /^runs: +apply p-1$/m);
  assertMatch(shown.out, /^secrets: +db$/m);
  assertMatch(shown.out, /\nplan p-1: state web on web-1/);
  assertMatch(yes.out, /\napproved a-1: it has become job j-2\n$/);
});

for (const words of [["reject", "p-1"], ["plan", "reject", "p-1"]]) {
  Deno.test(`${words.join(" ")} ends what waits to apply the plan, and is in the audit`, async () => {
    await using site = await waiting();
    const none = await site.run(...words, "");
    const rejected = await site.run(...words, "web-1 is not ready");
    const again = await site.run(...words, "once more");
    const shown = await site.run("approval", "show", "a-1", "--json");
    const audit = await site.fleet.manager.audit.list({ limit: 100 });
    const plan = await site.run("plan", "show", "p-1", "--json");

    assertEquals([none.code, rejected.code, again.code], [2, 0, 1]);
    assertEquals(rejected.out, "rejected a-1\n");
    const { state, reason } = JSON.parse(shown.out);
    assertEquals(state, "rejected");
    assertMatch(reason, /^rejected by .*: web-1 is not ready$/);
    assertMatch(again.err, /Cannot reject plan p-1: nothing waits to apply it/);
    assertMatch(again.err, /piri-manager plan withdraw p-1/);
    const acts = audit.filter(({ act }) => act === "Reject");
    assertEquals(acts.length, 1);
    assertEquals(JSON.parse(plan.out).state, "open");
  });
}

Deno.test("reject of a plan leaves what waits for other plans", async () => {
  await using site = await waiting();
  await site.run("plan", "web", "web-1");
  const other = await site.run("plan", "reject", "p-2", "not this one");
  const unknown = await site.run("reject", "p-x", "what is it");
  const shown = await site.run("approval", "show", "a-1", "--json");

  assertEquals([other.code, unknown.code], [1, 2]);
  assertEquals(JSON.parse(shown.out).state, "waiting");
});

Deno.test("plan approve refuses another SHA-256, and approve names what takes a plan", async () => {
  await using site = await waiting();
  const other = await site.run(
    ...["plan", "approve", "p-1", "--sha256", "0".repeat(64)],
  );
  const wrong = await site.run("approve", "p-1");
  const { out } = await site.run("plan", "show", "p-1");
  const [, sha256 = ""] = /^sha256: (.*)$/m.exec(out) ?? [];
  const right = await site.run("plan", "approve", "p-1", "--sha256", sha256);
  await site.fleet.ended(2n);

  assertEquals([other.code, wrong.code, right.code], [1, 2, 0]);
  assertMatch(other.err, /Cannot approve plan p-1: its SHA-256 is/);
  assertMatch(wrong.err, /piri-manager plan approve p-1/);
});
