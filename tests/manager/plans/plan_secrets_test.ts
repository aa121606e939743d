import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { exists } from "../../../lib/base/files.ts";
import type { PlanView } from "../../../lib/manager/api/plan_api.ts";
import { until } from "../../../scripts/local/until.ts";
import { PlanFleet, statesOf } from "./plan_fleet.ts";

const CONFIG = `
- Config:
    type: file.Installed
    path: "%ROOT%/\${agent}/config"
    content: "user=app\\npassword=\${secrets.db}\\nport=1\\n"
    mode: 0600
`;

function statesWith(text: string) {
  return { "states/all.yaml": text };
}

/** Patches of a plan's first group, by the names of the steps. */
function patchesOf({ groups }: PlanView): Record<string, string> {
  const [first] = groups;
  return Object.fromEntries(
    (first?.steps ?? []).map(({ name, changes }) => [
      name,
      changes.map(({ text = "" }) => text).join(""),
    ]),
  );
}

Deno.test("an apply puts secrets and their forms where they belong, and the next plan is empty", async () => {
  await using fleet = await PlanFleet.start(
    ["web-1"],
    statesWith(`${CONFIG}
- Line: {type: file.Line, path: "%ROOT%/\${agent}/line", line: "t=\${secrets.db | json}", create: true}
- Block: {type: file.Block, path: "%ROOT%/\${agent}/block", content: "\${secrets.key}", create: true}
- Load:
    type: command.Run
    shell: "(cat; echo; echo $T) > %ROOT%/\${agent}/loaded"
    creates: "%ROOT%/\${agent}/loaded"
    stdin: "\${secrets.db | shell} \${secrets.db | base64}"
    env: {T: "x\${secrets.db | url}"}
`),
  );
  await fleet.setSecret("db", `it's "22"`);
  await fleet.setSecret("key", "begin\nfirst line\nend of key\n");

  const plan = await fleet.plan();
  const applied = await fleet.apply(plan.id);
  const again = await fleet.plan();

  assertEquals(statesOf(applied), ["web-1: applied"]);
  assertEquals(
    [
      await fleet.text("web-1", "config"),
      await fleet.text("web-1", "line"),
      await fleet.text("web-1", "block"),
      await fleet.text("web-1", "loaded"),
    ],
    [
      `user=app\npassword=it's "22"\nport=1\n`,
      `t="it's \\"22\\""\n`,
      "# BEGIN managed by Piri\nbegin\nfirst line\nend of key\n# END managed by Piri\n",
      `'it'\\''s "22"' ${btoa(`it's "22"`)}\nxit's%20%2222%22\n`,
    ],
  );
  assertEquals(statesOf(again), ["web-1: same"]);
  assertEquals(patchesOf(plan), {
    Config:
      "--- before\n+++ after\n@@ -0,0 +1,3 @@\n+user=app\n+password=‹secret db›\n+port=1\n",
    Line: "--- before\n+++ after\n@@ -0,0 +1,1 @@\n+t=‹secret db›\n",
    Block:
      "--- before\n+++ after\n@@ -0,0 +1,5 @@\n+# BEGIN managed by Piri\n+‹secret key›\n+# END managed by Piri\n",
    Load: "",
  });
});

Deno.test("a secret with a new value makes older plans be refused, and a new one shows the change", async () => {
  await using fleet = await PlanFleet.start(["web-1"], statesWith(CONFIG));
  await fleet.setSecret("db", "hunter22");
  await fleet.apply((await fleet.plan()).id);
  await fleet.setSecret("db", "hunter33");
  const older = await fleet.plan();
  await fleet.setSecret("db", "hunter44");

  const refused = await fleet.apply(older.id);
  const newer = await fleet.plan();

  assertEquals(statesOf(refused), ["web-1: refused"]);
  assertEquals(
    refused.entries[0]?.message,
    'Cannot apply plan p-2: the secret "db" has another value since; plan again',
  );
  assertMatch(await fleet.text("web-1", "config") ?? "", /hunter22/);
  assertEquals(
    patchesOf(newer).Config,
    "--- before\n+++ after\n@@ -1,3 +1,3 @@\n-‹1 line›\n+password=‹secret db›\n",
  );
  assert(older.entries[0]?.sheet !== newer.entries[0]?.sheet);
  await fleet.apply(newer.id);
  assertMatch(await fleet.text("web-1", "config") ?? "", /hunter44/);
});

Deno.test("a secret that is set again with the same value leaves plans as they are", async () => {
  await using fleet = await PlanFleet.start(["web-1"], statesWith(CONFIG));
  await fleet.setSecret("db", "hunter22");
  const plan = await fleet.plan();
  await fleet.setSecret("db", "hunter22");

  const applied = await fleet.apply(plan.id);

  assertEquals(statesOf(applied), ["web-1: applied"]);
});

Deno.test("a plan whose secret is gone, or for others by now, is refused", async () => {
  await using fleet = await PlanFleet.start(
    ["web-1", "web-2"],
    statesWith(CONFIG),
  );
  await fleet.setSecret("db", "hunter22");
  const plan = await fleet.plan();
  await fleet.setSecret("db", "hunter22", { forTargets: "web-2" });

  const applied = await fleet.apply(plan.id);

  assertEquals(statesOf(applied), ["web-1: refused", "web-2: applied"]);
  assertEquals(
    applied.entries[0]?.message,
    'Cannot apply plan p-1: Cannot find the secret "db": there is none for agent "web-1"; plan again',
  );
});

Deno.test("a state with a secret that is not for an agent is an error with its place, for that agent alone", async () => {
  await using fleet = await PlanFleet.start(
    ["web-1", "web-2"],
    statesWith(CONFIG),
  );
  await fleet.setSecret("db", "hunter22", { forTargets: "web-2" });

  const made = await fleet.make();
  const [problem] = "problems" in made ? made.problems : [];

  assertEquals(problem?.agents, ["web-1"]);
  assertStringIncludes(
    problem?.text ?? "",
    'states/all.yaml:5:14: Cannot evaluate "secrets.db": the secret "db" is not for this agent\n',
  );
});

Deno.test("each agent gets the secret of its own layer", async () => {
  await using fleet = await PlanFleet.start(
    ["web-1", "web-2"],
    statesWith(CONFIG),
  );
  await fleet.setSecret("db", "of all agents");
  const place = { kind: "agent", name: "web-2" } as const;
  await fleet.setSecret("db", "of web-2", { place });

  await fleet.apply((await fleet.plan()).id);

  assertMatch(await fleet.text("web-1", "config") ?? "", /of all agents/);
  assertMatch(await fleet.text("web-2", "config") ?? "", /of web-2/);
});

Deno.test("an agent gets the secrets of its own open command and state, and no others", async () => {
  await using fleet = await PlanFleet.start(
    ["web-1", "web-2"],
    statesWith(`${CONFIG}
- Wait: {type: command.Run, shell: "touch %ROOT%/started; while [ ! -e %ROOT%/go ]; do sleep 0.01; done", creates: "%ROOT%/never"}
`),
  );
  await fleet.setSecret("db", "hunter22");
  await fleet.setSecret("other", "hunter33");
  const plan = await fleet.plan("", "web-1");
  const applying = fleet.apply(plan.id);
  const started = fleet.folder.at("hosts", "started");
  await until("the program runs", () => exists(started));
  const ask = (agent: string, name: string) =>
    fleet.asks(agent, "secret", { command: "2", name });

  const own = await ask("web-1", "db");
  const others = await ask("web-2", "db");
  const unnamed = await ask("web-1", "other");
  await fleet.setSecret("db", "hunter44");
  const changed = await ask("web-1", "db");
  await Deno.writeTextFile(fleet.folder.at("hosts", "go"), "");
  await applying;
  const late = await ask("web-1", "db");

  assertEquals(own, "hunter22");
  assertEquals(
    others,
    'DENIED: Cannot answer the request: no open command 2 of agent "web-2" names the secret "db"',
  );
  assertEquals(
    unnamed,
    'DENIED: Cannot answer the request: no open command 2 of agent "web-1" names the secret "other"',
  );
  assertEquals(
    changed,
    'FAILED_PRECONDITION: Cannot give the secret "db" to agent "web-1": it has another value than when the state was compiled; plan again',
  );
  assertMatch(late, /^DENIED: .* no open command 2 of agent "web-1"/);
});

Deno.test("a file that had a secret does not show it when its state has none any more", async () => {
  await using fleet = await PlanFleet.start(["web-1"], statesWith(CONFIG));
  await fleet.setSecret("db", "hunter22");
  await fleet.apply((await fleet.plan()).id);
  await fleet.folder.write(
    "m/states/all.yaml",
    CONFIG.replaceAll("%ROOT%", fleet.folder.at("hosts"))
      .replace("${secrets.db}", "none"),
  );

  const plan = await fleet.plan();

  assertEquals(
    patchesOf(plan).Config,
    "--- before\n+++ after\n@@ -1,3 +1,3 @@\n-‹1 line›\n+password=none\n",
  );
});
