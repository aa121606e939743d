import { assertEquals, assertMatch } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type PlanSite, served } from "./plan_site.ts";
import { jsonLines } from "./start.ts";

/** State with two reactions, which are owed after a step between has failed. */
const FAILING = {
  "states/all/web.yaml": `
- Web server:
    - Site: {type: file.Installed, path: "%ROOT%/\${agent}/site", content: hello}
    - Check: {type: command.Run, command: "test -e %ROOT%/\${agent}/fixed"}
    - Restart:
        type: command.Run
        command: "echo restarted >> %ROOT%/\${agent}/log"
        onchanges: Site
    - Tell:
        type: command.Run
        command: "echo told >> %ROOT%/\${agent}/log"
        onchanges: Site
`,
};

/** Site on which an apply has failed and owes both reactions on two hosts. */
async function owing(): Promise<PlanSite> {
  const site = await served(FAILING);
  await site.run("apply", "web", "web-[1-2]", "--yes");
  return site;
}

Deno.test("owed lists steps with the time and the cause, as a table and as its schema says", async () => {
  await using site = await owing();
  const all = await site.run("owed");
  const one = await site.run("owed", "web-1", "--state", "other");
  const { out } = await site.run("owed", "--json");
  const url = new URL(
    "../../../docs/schema/owed.schema.json",
    import.meta.url,
  );
  const check = new Ajv2020({ formats: { "date-time": true } }).compile(
    JSON.parse(await Deno.readTextFile(url)),
  );

  assertEquals(
    all.out,
    `AGENT  STATE  STEP                SINCE                WHY                        PLACE
web-1  web    Web server:Restart  TIME  "Web server:Site" changed  states/all/web.yaml:5
web-1  web    Web server:Tell     TIME  "Web server:Site" changed  states/all/web.yaml:9
web-2  web    Web server:Restart  TIME  "Web server:Site" changed  states/all/web.yaml:5
web-2  web    Web server:Tell     TIME  "Web server:Site" changed  states/all/web.yaml:9
`,
  );
  assertEquals([all.code, all.err], [0, ""]);
  assertEquals([one.code, one.out, one.err], [0, "", "nothing is owed\n"]);
  assertEquals(
    jsonLines(out).flatMap((each) => check(each) ? [] : [check.errors]),
    [],
  );
});

Deno.test("a forgiven reaction is not made up for, and one that is not forgiven is", async () => {
  await using site = await owing();
  const forgiven = await site.run("owed", "--forgive", "web-1", "Tell");
  await Deno.writeTextFile(site.fleet.on("web-1", "fixed"), "");
  const left = await site.run("owed", "web-1");
  await site.run("apply", "web", "web-1", "--yes");
  const after = await site.run("owed", "web-1");

  assertEquals(
    [forgiven.code, forgiven.out],
    [
      0,
      'forgave what is owed to "Web server:Tell" on web-1, as "Web server:Site" changed\n',
    ],
  );
  assertMatch(left.out, /Web server:Restart/);
  assertEquals(left.out.includes("Tell"), false);
  assertEquals(await site.fleet.text("web-1", "log"), "restarted\n");
  assertEquals(after.err, "nothing is owed\n");
});

Deno.test("a step to which nothing is owed is an error, and nothing is forgiven", async () => {
  await using site = await owing();
  const wrong = await site.run(
    "owed",
    "--forgive",
    "web-1",
    "*:Tell",
    "Restrat",
  );
  const none = await site.run("owed", "--forgive", "web-3", "*");
  const missing = await site.run("owed", "--forgive", "web-1");
  const left = await site.run("owed", "web-1");

  assertEquals([wrong.code, none.code, missing.code], [1, 1, 2]);
  assertMatch(
    wrong.err,
    /Cannot forgive what is owed to step "Restrat": nothing is owed to it, did you mean "Restart"\?/,
  );
  assertMatch(none.err, /nothing is owed to it\n/);
  assertMatch(missing.err, /no step is given/);
  assertEquals(left.out.split("\n").length, 4);
});

Deno.test("an agent that is away is named, and the others are asked", async () => {
  await using site = await owing();
  site.fleet.leaves("web-2");
  await site.fleet.manager.clock.settle();
  const all = await site.run("owed");
  const named = await site.run("owed", "web-*");

  assertEquals([all.code, named.code], [0, 3]);
  assertMatch(all.err, /left out as not connected: 1 agent/);
  assertMatch(named.err, /web-2: unreachable/);
  assertMatch(named.out, /web-1 /);
});
