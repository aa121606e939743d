import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { served } from "./plan_site.ts";
import { jsonLines } from "./start.ts";

/** State of which a step fails while a file is not there, and a later one waits for an earlier one. */
const FAILING = {
  "states/all/web.yaml": `
- Web server:
    - Site: {type: file.Installed, path: "%ROOT%/\${agent}/site", content: hello}
    - Check: {type: command.Run, command: "test -e %ROOT%/\${agent}/fixed"}
    - Restart:
        type: command.Run
        command: "echo restarted >> %ROOT%/\${agent}/log"
        onchanges: Site
`,
};

const CHECK = "Web server:Check";

Deno.test("apply and plan show tell the place of a failed step, as the file was when it was planned", async () => {
  await using site = await served(FAILING);
  await site.run("plan", "web", "web-1");
  const path = site.fleet.folder.at("m/states/all/web.yaml");
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, `# Comment\n${text}`);
  const apply = await site.run("apply", "p-1");
  const shown = await site.run("plan", "show", "p-1");
  const { out } = await site.run("plan", "show", "p-1", "--json");

  const failed =
    `web-1: failed: step "${CHECK}" (states/all/web.yaml:4) failed: Cannot go on: `;
  assertStringIncludes(apply.out, failed);
  assertStringIncludes(shown.out, failed);
  const [plan] = jsonLines(out) as unknown as {
    agents: { places: unknown }[];
    groups: { steps: { name: string; place: unknown }[] }[];
  }[];
  const file = "states/all/web.yaml";
  assertEquals(plan?.agents[0]?.places, [
    { step: CHECK, file, line: 4 },
    { step: "Web server:Restart", file, line: 5 },
    { step: "Web server:Site", file, line: 3 },
  ]);
  assertEquals(
    plan?.groups[0]?.steps.map(({ name, place }) => [name, place]),
    [
      ["Web server:Site", { file, line: 3 }],
      [CHECK, { file, line: 4 }],
      ["Web server:Restart", { file, line: 5 }],
    ],
  );
});

Deno.test("show and watch tell the place of a failed step", async () => {
  await using site = await served(FAILING);
  await site.run("apply", "web", "web-1", "--yes");
  const output = await site.run("show", "2", "--output");
  const watched = await site.run("watch", "2");
  const facts = await site.run("show", "2");
  const { out } = await site.run("show", "2", "--json");

  const line = `! ${CHECK} (states/all/web.yaml:4): Cannot go on: `;
  assertStringIncludes(output.out, line);
  assertStringIncludes(watched.out, line);
  assertMatch(
    facts.out,
    /\nreason: +step "Web server:Check" \(states\/all\/web\.yaml:4\) failed: /,
  );
  const [command] = jsonLines(out);
  assertEquals((command?.["places"] as unknown[]).length, 3);
});

Deno.test("watch of a job, its reports and the event of a result tell the place of a failed step", async () => {
  await using site = await served(FAILING);
  await site.run("apply", "web", "web-1", "--yes");
  const job = await site.run("job", "watch", "j-2");
  const files = ["--junit", "a.xml", "--summary", "a.md"];
  const { code, fake } = site.begin(["job", "watch", "j-2", ...files]);
  await code;
  const listed = await site.run("job", "show", "j-2", "--entries");
  const { out } = await site.run("watch", "2", "--json");

  const failed = `step "${CHECK}" (states/all/web.yaml:4) failed: `;
  assertStringIncludes(job.err, failed);
  assertStringIncludes(listed.out, failed);
  assertStringIncludes(
    fake.outFile("a.xml"),
    failed.replaceAll('"', "&quot;"),
  );
  assertStringIncludes(fake.outFile("a.md"), "web.yaml:4");
  const result = jsonLines(out).find(({ event }) => event === "result");
  assertEquals((result?.["places"] as unknown[]).length, 3);
});

Deno.test("owed tells the place of a step as it was applied last", async () => {
  await using site = await served(FAILING);
  await site.run("apply", "web", "web-1", "--yes");
  const path = site.fleet.folder.at("m/states/all/web.yaml");
  await Deno.writeTextFile(path, "");
  const owed = await site.run("owed", "web-1");
  const { out } = await site.run("owed", "web-1", "--json");

  assertMatch(owed.out, / PLACE\n.* states\/all\/web\.yaml:5\n$/);
  assertEquals(jsonLines(out)[0]?.["place"], {
    file: "states/all/web.yaml",
    line: 5,
  });
});

Deno.test("plan tells the place of a step that cannot be done, also of an include and a loop", async () => {
  await using site = await served({
    "states/all/bad.yaml": "\n\n- include: rest\n",
    "states/all/rest.yaml": `
- Good: {type: file.Installed, path: "%ROOT%/\${agent}/good", content: x}
- Bad \${item}:
    each: [one, two]
    type: file.Dir
    path: "/dev/null/\${item}"
`,
  });
  const plan = await site.run("plan", "bad", "web-1");

  assertMatch(
    plan.out,
    /\n {2}~ Good: content .*\n {2}! .*\[one\] \(states\/all\/rest\.yaml:3\): /,
  );
});
