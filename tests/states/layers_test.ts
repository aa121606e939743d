import { assertEquals } from "@std/assert";
import { stateNames } from "../../lib/states/state_files.ts";
import { anAgent, compilerOf } from "./memory_folder.ts";

/** Names of the steps of an agent's whole state, in order, with the messages of those that have one. */
async function stepsOf(
  files: Readonly<Record<string, string>>,
  groups: readonly string[] = ["web", "edge"],
): Promise<string[]> {
  const compiled = await compilerOf(files).compile("", anAgent({ groups }));
  assertEquals(compiled.problems, []);
  return compiled.sheet?.steps.map(({ name, params }) =>
    params.message === undefined ? name : `${name}=${params.message}`
  ) ?? [];
}

const step = (name: string, message: string) =>
  `- ${name}: {type: noop.Noop, message: ${message}}\n`;

Deno.test("layers count in the order all, groups, agent; an item replaces its namesake in its place", async () => {
  const steps = await stepsOf({
    "states/all.yaml": step("A", "all") + step("B", "all") + step("C", "all"),
    "states/groups/web.yaml": step("B", "web") + step("D", "web"),
    "states/groups/edge.yaml": step("B", "edge") + step("E", "edge"),
    "states/groups/other.yaml": step("A", "other"),
    "states/agents/web-1.yaml": step("A", "own"),
  });

  assertEquals(steps, ["A=own", "B=edge", "C=all", "D=web", "E=edge"]);
});

Deno.test("a later group of the agent counts before an earlier one", async () => {
  const files = {
    "states/groups/web.yaml": step("A", "web"),
    "states/groups/edge.yaml": step("A", "edge"),
  };

  assertEquals(await stepsOf(files, ["edge", "web"]), ["A=web"]);
  assertEquals(await stepsOf(files, ["web", "edge"]), ["A=edge"]);
});

Deno.test("two lists of one name merge inside; a list and a step, or a long form, replace each other", async () => {
  const steps = await stepsOf({
    "states/all.yaml": `
- G: [{A: {type: noop.Noop, message: all}}, {B: {type: noop.Noop}}]
- H: [{A: {type: noop.Noop}}]
- I: {steps: [{A: {type: noop.Noop}}]}
`,
    "states/groups/web.yaml": `
- G: [{C: {type: noop.Noop}}, {A: {type: noop.Noop, message: web}}]
- H: {type: noop.Noop}
- I: {steps: [{B: {type: noop.Noop}}]}
`,
  });

  assertEquals(steps, ["G:A=web", "G:B", "G:C", "H", "I:B"]);
});

Deno.test("steps without a name, and includes, are never replaced: they go to the end", async () => {
  const steps = await stepsOf({
    "states/all.yaml": "- include: one\n- {type: noop.Noop, message: all}\n",
    "states/groups/web.yaml":
      "- include: two\n- {type: noop.Noop, message: web}\n",
    "states/all/one.yaml": step("One", "1"),
    "states/all/two.yaml": step("Two", "2"),
  });

  assertEquals(steps, [
    "One=1",
    "noop.Noop all=all",
    "Two=2",
    "noop.Noop web=web",
  ]);
});

Deno.test("a named state has the same layers, and is included where the include stands", async () => {
  const steps = await stepsOf({
    "states/all.yaml": step("A", "1") + "- include: base/time\n" +
      step("Z", "1"),
    "states/all/base/time.yaml": step("Time", "all"),
    "states/groups/web/base/time.yaml": step("Time", "web"),
    "states/agents/web-1/base/time.yaml": step("Zone", "own"),
  });

  assertEquals(steps, ["A=1", "Time=web", "Zone=own", "Z=1"]);
});

Deno.test("the same include twice counts once; with other variables it is another one", async () => {
  const steps = await stepsOf({
    "states/all.yaml": `
- include: base
- include: base
- G: [{include: site, with: {name: a}}]
- H: [{include: site, with: {name: b}}]
- I: [{include: site, with: {name: b}}]
`,
    "states/all/base.yaml": step("Base", "1"),
    "states/all/site.yaml":
      '- Site: {type: noop.Noop, message: "${vars.name}"}\n',
  });

  assertEquals(steps, ["Base=1", "G:Site=a", "H:Site=b"]);
});

Deno.test("an empty file, and one with comments only, is a state without steps", async () => {
  assertEquals(await stepsOf({ "states/all.yaml": "" }), []);
  assertEquals(await stepsOf({ "states/all.yaml": "# nothing yet\n" }), []);
});

Deno.test("names of states come from the paths of their files, in all layers", () => {
  assertEquals(
    stateNames([
      "states/all.yaml",
      "states/all/base/time.yaml",
      "states/groups/web.yaml",
      "states/groups/web/site.yaml",
      "states/agents/web-1/base/time.yaml",
      "states/agents/a.b.yaml",
      "states/README.md",
      "states/stray.yaml",
    ]),
    ["", "base/time", "site"],
  );
});

Deno.test("merge keys and aliases of YAML are followed, and each part keeps its own place", async () => {
  const compiled = await compilerOf({
    "states/all.yaml": `
- A: &a
    type: file.Installed
    path: /a
    content: x
    mode: 0600
- B:
    <<: *a
    path: /b
`,
  }).compile("", anAgent());

  assertEquals(compiled.sheet?.steps[1]?.params, {
    path: "/b",
    content: "x",
    mode: 0o600,
  });
});
