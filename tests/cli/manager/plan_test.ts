import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { OWNER } from "../../support/control.ts";
import { until } from "../../support/live_program.ts";
import type { FakeTerminal } from "../fake_terminal.ts";
import { NAMES, served, STATES } from "./plan_site.ts";
import { jsonLines } from "./start.ts";

Deno.test("plan shows equal hosts once, apply does it and refuses one that was changed by hand", async () => {
  await using site = await served();
  const plan = await site.run("plan", "motd", "all", "--exit-code");
  await Deno.writeTextFile(site.fleet.on("web-2", "motd"), "by hand\n");
  const apply = await site.run("apply", "p-1");
  const shown = await site.run("plan", "show", "p-1");
  const rest = await site.run("plan", "motd", "all", "--diff");

  assertEquals([plan.code, apply.code, shown.code, rest.code], [10, 4, 0, 0]);
  assertEquals(
    plan.out,
    `plan p-1: state motd on all, by ${OWNER}, TIME, open

3 agents: web-[1-3]
  ~ Note: content +1 -0 (new)
  ~ Log: command runs
`,
  );
  assertEquals(
    plan.err,
    "p-1: would change: 3 agents; piri-manager apply p-1 does that\n",
  );
  const outcome = "web-[1,3]: applied: 2 changed\n" +
    'web-2: refused: Cannot apply the plan: step "Note" was planned as change (content +1 -0) and is now change (content +1 -1); plan again\n';
  assertEquals(apply.out, outcome);
  assertEquals(apply.err, "applying p-1 on 3 agents, job j-2\n");
  assertMatch(shown.out, /, partly\n/);
  assertEquals(shown.err, "p-1: applied: 2 agents, refused: 1 agent\n");
  assertStringIncludes(shown.out, `\n\n${outcome}\nsha256: `);
  assertEquals(
    rest.out,
    `plan p-2: state motd on all, by ${OWNER}, TIME, open

1 agent: web-2
  ~ Note: content +1 -1
      --- before
      +++ after
      @@ -1,1 +1,1 @@
      -by hand
      +hello by web-2
  ~ Log: command runs

nothing to do on 2 agents: web-[1,3]
`,
  );
  assertEquals(await site.fleet.text("web-1", "motd"), "hello by web-1\n");
  assertEquals(await site.fleet.text("web-2", "motd"), "by hand\n");
});

Deno.test("a long step goes on in indented lines at a terminal, and in one line elsewhere", async () => {
  const name =
    "A name of many words, as people give them to steps that do a lot";
  await using site = await served({
    "states/all/long.yaml":
      `- ${name}: {type: file.Installed, path: "%ROOT%/\${agent}/x", content: x}\n`,
  });
  const atTerminal = site.begin(["plan", "long", "web-1"], {
    terminals: ["stdout"],
    columns: 50,
  });
  await atTerminal.code;
  const piped = await site.run("plan", "long", "web-1");

  assertStringIncludes(
    atTerminal.fake.stdout.text,
    "  ~ A name of many words, as people give them to\n      steps that do a lot: content +1 -0 (new)\n",
  );
  assertStringIncludes(piped.out, `  ~ ${name}: content +1 -0 (new)\n`);
});

Deno.test("a plan with nothing to do on any agent is not open, and a later one of some is", async () => {
  await using site = await served();
  await site.run("plan", "motd", "all");
  await site.run("apply", "p-1");
  const same = await site.run("plan", "motd", "all");
  await Deno.writeTextFile(site.fleet.on("web-2", "motd"), "by hand\n");
  await site.run("plan", "motd", "all");
  const list = await site.run("plan", "list", "--json");
  const table = await site.run("plan", "list");

  assertEquals(
    same.out,
    `plan p-2: state motd on all, by ${OWNER}, TIME, nothing to do

nothing to do on 3 agents: web-[1-3]
`,
  );
  assertEquals(jsonLines(list.out).map(({ state }) => state), [
    "open",
    "same",
    "applied",
  ]);
  assertMatch(table.out, /\np-2 +nothing to do +motd/);
});

Deno.test("errors of a state are printed with place, line and agents, and there is no plan", async () => {
  await using site = await served({
    "states/all/motd.yaml": STATES["states/all/motd.yaml"],
  });
  const plan = await site.run("plan", "motd", "all");
  const list = await site.run("plan", "list", "--json");

  assertEquals([plan.code, list.out], [1, ""]);
  assertMatch(
    plan.out,
    /^states\/all\/motd\.yaml:5:\d+: Cannot .*"text".*\n {2}5 \| .*\n.*\^\n {2}for web-\[1-3\]\n$/,
  );
  assertEquals(plan.err, "no plan: 1 error in the state\n");
});

Deno.test("an apply that fails tells what was done, not run and is owed, and the next plan has the rest", async () => {
  await using site = await served({
    "states/all/motd.yaml": `
- Note: {type: file.Installed, path: "%ROOT%/\${agent}/motd", content: hello}
- Log:
    type: command.Run
    command: "test -e %ROOT%/\${agent}/fixed"
    onchanges: Note
- Last: {type: file.Installed, path: "%ROOT%/\${agent}/last", content: bye}
`,
  });
  await site.run("plan", "motd", "web-1");
  const apply = await site.run("apply", "p-1");
  await Deno.writeTextFile(site.fleet.on("web-1", "fixed"), "");
  const rest = await site.run("plan", "motd", "web-1");
  const again = await site.run("apply", "p-2");

  assertEquals([apply.code, rest.code, again.code], [1, 0, 0]);
  assertEquals(
    apply.out,
    'web-1: failed: step "Log" (states/all/motd.yaml:3) failed: Cannot go on: the program ended with exit code 1; not run: 1 step; ' +
      '1 changed, 1 failed, 1 not run; "Log" is owed, as "Note" changed\n',
  );
  assertMatch(
    apply.err,
    /\npiri-manager show j-2\/web-1 --output shows the steps there\n$/,
  );
  assertEquals(
    rest.out.split("\n").slice(2),
    [
      "1 agent: web-1",
      "  ~ Log: command runs, owed since TIME",
      "  ~ Last: content +1 -0 (new)",
      "",
    ],
  );
  assertEquals(
    again.out,
    "web-1: applied: 2 changed, 1 unchanged\n",
  );
});

Deno.test("apply and plan show name the steps whose changes were not foreseen", async () => {
  await using site = await served({
    "states/all/motd.yaml": `
- Same: {type: file.Installed, path: "%ROOT%/\${agent}/same", content: hello}
- Program:
    type: command.Run
    command: "echo x >> %ROOT%/\${agent}/same"
    unless: "test -e %ROOT%/\${agent}/done"
- Note: {type: file.Installed, path: "%ROOT%/\${agent}/note", content: hello}
- Again: {type: file.Installed, path: "%ROOT%/\${agent}/same", content: hello}
`,
  });
  await site.fleet.folder.write("hosts/web-1/same", "hello");
  await site.run("plan", "motd", "web-1");
  const apply = await site.run("apply", "p-1");
  const shown = await site.run("plan", "show", "p-1");
  const json = await site.run("plan", "show", "p-1", "--json");
  const [plan] = jsonLines(json.out);

  assertEquals(apply.code, 0);
  assertEquals(
    apply.out,
    'web-1: applied: 3 changed, 1 unchanged; not foreseen: "Again"\n',
  );
  assertStringIncludes(shown.out, '; not foreseen: "Again"\n');
  assertEquals(
    (plan as { agents: { applied: { moved: string[] } }[] }).agents[0]?.applied
      .moved,
    ["Again"],
  );
});

Deno.test("apply of a plan that is used up, withdrawn or over 24 h old is refused and changes nothing", async () => {
  await using site = await served();
  const { clock } = site.fleet.manager;
  for (let plan = 1; plan <= 3; plan++) await site.run("plan", "motd", "all");
  await site.run("apply", "p-1");
  const used = await site.run("apply", "p-1");
  await site.run("plan", "withdraw", "p-2");
  const withdrawn = await site.run("apply", "p-2");
  clock.jump(86_400_000);
  const old = await site.run("apply", "p-3");

  assertEquals([used.code, withdrawn.code, old.code], [4, 4, 4]);
  assertMatch(used.err, /Cannot apply plan p-1: no agent is left/);
  assertMatch(withdrawn.err, /Cannot apply plan p-2: it was withdrawn by/);
  assertMatch(old.err, /Cannot apply plan p-3: it is over 24 h old/);
  assertEquals(await site.fleet.text("web-1", "log"), "told\n");
});

Deno.test("apply with a state plans, shows and asks: y applies, any other key does not", async () => {
  await using site = await served();
  const surroundings = { terminals: ["stderr"], keyboard: true } as const;
  const answers: unknown[] = [];
  for (const key of ["n", "y"]) {
    const { code, fake, asked } = site.begin(
      ["apply", "motd", "all"],
      surroundings,
    );
    await asked;
    await fake.press(key);
    answers.push(await code, await site.fleet.text("web-3", "motd"));
  }
  const dumb = await site.run("apply", "motd", "all");
  const nothing = await site.run("apply", "motd", "all", "--yes");

  assertEquals(answers, [7, undefined, 0, "hello by web-3\n"]);
  assertEquals(dumb.code, 2);
  assertEquals([nothing.code, nothing.err], [
    0,
    "p-3: nothing to do: 3 agents\n",
  ]);
});

Deno.test("plans as JSON are as their schema says, made, applied, listed and withdrawn", async () => {
  await using site = await served();
  const all = [
    await site.run("plan", "motd", "all", "--json"),
    await site.run("apply", "p-1", "--json"),
    await site.run("plan", "show", "p-1", "--json"),
    await site.run("plan", "withdraw", "p-1", "--json"),
    await site.run("plan", "list", "--json"),
    await site.run("plan", "none", "all", "--json"),
  ];
  const url = new URL(
    "../../../docs/schema/plan.schema.json",
    import.meta.url,
  );
  const check = new Ajv2020({ formats: { "date-time": true } }).compile(
    JSON.parse(await Deno.readTextFile(url)),
  );
  const values = all.flatMap(({ out }) => jsonLines(out));

  assertEquals(all.map(({ code }) => code), [0, 0, 0, 0, 0, 5]);
  assertEquals(values.map(({ id, state }) => `${id} ${state}`), [
    "p-1 open",
    "p-1 applied",
    "p-1 applied",
    "p-1 withdrawn",
    "p-1 withdrawn",
  ]);
  assertEquals(values.flatMap((each) => check(each) ? [] : [check.errors]), []);
});

Deno.test("drift shows who differs and since when, as text and as its schema says", async () => {
  await using site = await served();
  const { drift, clock } = site.fleet.manager;
  const rule = {
    state: "motd",
    agents: "all",
    every: 60_000,
    jitter: 0,
    deadline: 600_000,
    do: "plan",
    ignore: [],
  } as const;
  const none = await site.run("drift");
  await drift.adopt([rule]);
  const before = await site.run("drift", "--exit-code");
  await clock.advance(60_000);
  await drift.idle();
  const found = await site.run("drift", "--exit-code");
  const { out } = await site.run("drift", "--json");
  const listed = await site.run("plan", "list");
  const all = await site.run("plan", "list", "--drift");
  const url = new URL(
    "../../../docs/schema/drift.schema.json",
    import.meta.url,
  );
  const check = new Ajv2020({ formats: { "date-time": true } }).compile(
    JSON.parse(await Deno.readTextFile(url)),
  );

  assertEquals([none.code, before.code, found.code], [0, 10, 10]);
  assertMatch(none.err, /no rules/);
  assertMatch(before.out, /^state motd on all: not looked at yet, next TIME/);
  assertMatch(found.out, /^state motd on all: drift on 3 agents, next TIME/);
  assertMatch(found.out, /\n {2}web-\[1-3\], since TIME, p-1\n {4}~ /);
  assertEquals(
    jsonLines(out).flatMap((each) => check(each) ? [] : [check.errors]),
    [],
  );
  assertEquals(listed.out.includes("p-1"), false);
  assertMatch(all.out, /p-1 .*piri-manager/);
});

Deno.test("drift finds none only where it was told, and is not clear before, by its text, code and JSON", async () => {
  await using site = await served();
  const { fleet } = site;
  const { drift, clock } = fleet.manager;
  const rule = {
    state: "motd",
    agents: "all",
    every: 60_000,
    jitter: 0,
    deadline: 600_000,
    do: "plan",
    ignore: [],
  } as const;
  const looks = async () => {
    await clock.advance(60_000);
    await drift.idle();
  };
  await site.run("apply", "motd", "all", "--yes");
  await drift.adopt([rule]);
  await looks();
  const clear = await site.run("drift", "--exit-code");
  // A folder is in the place of the file.
  for (const name of ["web-2", "web-3"]) {
    await Deno.remove(fleet.on(name, "motd"));
    await Deno.mkdir(fleet.on(name, "motd"));
  }
  await looks();
  const partly = await site.run("drift", "--exit-code");
  const { out } = await site.run("drift", "--json");
  await drift.adopt([{ ...rule, state: "none" }]);
  await looks();
  const failed = await site.run("drift", "--exit-code");
  const url = new URL(
    "../../../docs/schema/drift.schema.json",
    import.meta.url,
  );
  const check = new Ajv2020({ formats: { "date-time": true } }).compile(
    JSON.parse(await Deno.readTextFile(url)),
  );
  const [shown] = jsonLines(out) as { untold: { agent: string }[] }[];

  assertEquals([clear.code, partly.code, failed.code], [0, 10, 10]);
  assertMatch(clear.out, /^state motd on all: no drift found, next TIME\n$/);
  assertMatch(
    partly.out,
    /^state motd on all: 2 agents could not be told, next TIME\n {2}web-2, since TIME, p-3: could not be told: step "Note" .*\n {2}web-3, /,
  );
  assertMatch(
    failed.out,
    /^state none on all: 3 agents could not be told, next TIME\n {2}the last plan failed: /,
  );
  assertEquals(check(shown) ? [] : check.errors, []);
  assertEquals(shown?.untold.map(({ agent }) => agent), ["web-2", "web-3"]);
});

/** A state whose check lasts until a file is there, and that tells by another one that it has begun. */
const SLOW = {
  "states/all/slow.yaml": `
- Step:
    type: command.Run
    command: "touch %ROOT%/\${agent}/done"
    unless: "touch %ROOT%/\${agent}/looking; until test -e %ROOT%/\${agent}/go; do sleep 0.05; done; false"
`,
};

for (
  const [what, stop] of [
    ["Ctrl-C", (fake: FakeTerminal) => void fake.interrupt()],
    ["SIGTERM", (fake: FakeTerminal) => void fake.signal("SIGTERM")],
    ["a closed output", (fake: FakeTerminal) => {
      fake.stdout.closed = true;
    }],
  ] as const
) {
  for (const flags of [[], ["--json"]]) {
    Deno.test(`apply ${["--yes", ...flags].join(" ")} that ${what} ends while hosts are looked at changes nothing`, async () => {
      await using site = await served(SLOW);
      const { code, fake } = site.begin([
        "apply",
        "slow",
        "all",
        "--yes",
        ...flags,
      ]);
      const { fleet } = site;
      for (const name of NAMES) {
        await until(
          `${name} looks`,
          async () => await fleet.text(name, "looking") === "",
        );
      }
      stop(fake);
      const { jobs } = fleet.manager;
      await until(
        "the cancel",
        async () => (await jobs.get(1n)).cancelRequestedAt !== null,
      );
      for (const name of NAMES) {
        await Deno.writeTextFile(fleet.on(name, "go"), "");
      }
      const exit = await code;
      const all = await jobs.list({ limit: 10 });
      const done = await Promise.all(
        NAMES.map((name) => fleet.text(name, "done")),
      );

      assertEquals(exit, 7);
      assertEquals(all.map(({ id }) => id), [1n]);
      assertEquals(done, NAMES.map(() => undefined));
      // With --json, one object says all, and the first to end it is the closed output.
      assertMatch(
        fake.stderr.text,
        what === "a closed output" && flags.length > 0
          ? /it is closed; job j-1: 3 ok/
          : /Cannot apply plan p-1: it was cancelled while hosts were looked at; nothing was changed/,
      );
    });
  }
}

Deno.test("a plan tells why it waits, and as JSON leaves that out of the errors", async () => {
  await using site = await served(SLOW);
  const { fleet } = site;
  const text = site.begin(["plan", "slow", "web-1"]);
  const json = site.begin(["plan", "slow", "web-2", "--json"]);
  for (const name of ["web-1", "web-2"]) {
    await until(
      `${name} looks`,
      async () => await fleet.text(name, "looking") === "",
    );
  }
  fleet.leaves("web-2");
  fleet.leaves("web-1");
  await until("the wait", async () => {
    await fleet.manager.clock.advance(100);
    return text.fake.stderr.text.includes("away");
  });
  for (const name of ["web-2", "web-1"]) {
    await Deno.writeTextFile(fleet.on(name, "go"), "");
    await fleet.connect(name);
  }
  await Promise.all([text.code, json.code]);
  await Promise.all(["web-1", "web-2"].map((name) => fleet.rest(name)));

  assertMatch(text.fake.stderr.text, /^web-1: away .*\(last seen .*\), /m);
  assertEquals(json.fake.stderr.text, "");
});

Deno.test("the exit code of plan and apply is that of their work, also if nobody reads what they print", async () => {
  await using site = await served();
  const unread = async (...args: string[]) => {
    const { code, fake } = site.begin(args);
    fake.stdout.closed = true;
    // The reader goes at the end only.
    fake.isOutputClosed = () => false;
    return await code;
  };
  const planned = await unread("plan", "motd", "all", "--exit-code");
  await Deno.writeTextFile(site.fleet.on("web-2", "motd"), "by hand\n");
  const applied = await unread("apply", "p-1");

  assertEquals([planned, applied], [10, 4]);
});
