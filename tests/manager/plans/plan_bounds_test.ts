import { assertEquals, assertMatch } from "@std/assert";
import { refusal } from "../../support/refusal.ts";
import { PlanFleet, statesOf } from "./plan_fleet.ts";

const STATES = {
  "states/all.yaml": `
- Base:
    - Folder: {type: file.Dir, path: "%ROOT%/\${agent}/etc"}
    - Site: {type: file.Installed, path: "%ROOT%/\${agent}/etc/site", content: hello, require: Folder, tags: [config]}
    - Note: {type: file.Installed, path: "%ROOT%/\${agent}/note", content: hello}
`,
  "states/agents/web-2.yaml": `
- Extra: {type: file.Installed, path: "%ROOT%/\${agent}/extra", content: hello}
`,
  "states/all/unsure.yaml": `
- Make: {type: command.Run, command: "touch %ROOT%/\${agent}/made", creates: "%ROOT%/\${agent}/made"}
- Copy:
    type: file.Installed
    path: "%ROOT%/\${agent}/copy"
    content: hello
    if: { cmd: "test -e %ROOT%/\${agent}/made" }
`,
};

Deno.test("a plan of some steps has these with what they require, and its apply does only that", async () => {
  await using fleet = await PlanFleet.start(["web-1"], STATES);
  for (
    const [only, steps] of [
      [["Site"], ["Base:Folder", "Base:Site"]],
      [["config"], ["Base:Folder", "Base:Site"]],
      [["*:N*"], ["Base:Note"]],
    ] as const
  ) {
    const { groups } = await fleet.plan("", "all", { only });
    assertEquals(groups[0]?.steps.map(({ name }) => name), [...steps]);
  }
  const applied = await fleet.apply(1n);

  assertEquals(statesOf(applied), ["web-1: applied"]);
  assertEquals(await fleet.text("web-1", "etc/site"), "hello");
  assertEquals(await fleet.text("web-1", "note"), undefined);
});

Deno.test("an apply of some steps of a plan does these, though the others have moved since", async () => {
  await using fleet = await PlanFleet.start(["web-1"], STATES);
  await fleet.plan();
  await Deno.writeTextFile(fleet.on("web-1", "note"), "by hand");
  const applied = await fleet.apply(1n, undefined, { only: ["Site"] });

  assertEquals(statesOf(applied), ["web-1: applied"]);
  assertEquals(await fleet.text("web-1", "etc/site"), "hello");
  assertEquals(await fleet.text("web-1", "note"), "by hand");
});

Deno.test("hosts without such a step are left out, and a word that no host has is an error", async () => {
  await using fleet = await PlanFleet.start(["web-1", "web-2"], STATES);
  const made = await fleet.make("", "all", undefined, { only: ["Extra"] });
  const both = await fleet.plan("", "all", { only: ["Extra", "Note"] });
  const none = refusal(
    fleet.make("", "all", undefined, { only: ["Note", "Siet"] }),
  );

  assertEquals("problems" in made ? [] : made.withoutSteps, ["web-1"]);
  assertEquals(statesOf(both), ["web-1: planned", "web-2: planned"]);
  assertEquals(
    await none,
    'NOT_FOUND: Cannot take only "Siet": no step has this name or tag, did you mean "Site"?',
  );
  assertMatch(
    await refusal(fleet.asksToApply(2n, undefined, { only: ["Folder", "x"] })),
    /^NOT_FOUND: Cannot take only "x"/,
  );
});

Deno.test("a strict plan has no part for a host with a step that cannot be told, and says which", async () => {
  await using fleet = await PlanFleet.start(["web-1"], STATES);
  const loose = await fleet.plan("unsure");
  const strict = await fleet.plan("unsure", "all", { strict: true });

  assertEquals(statesOf(loose), ["web-1: planned"]);
  assertEquals(statesOf(strict), ["web-1: failed"]);
  assertEquals(
    strict.entries[0]?.message,
    'step 2 of 2, "Copy" (file.Installed), cannot be told yet, and only what is known shall be done (strict): its condition depends on steps that have not happened',
  );
});

Deno.test("a strict apply refuses what its plan could not tell, before any change", async () => {
  await using fleet = await PlanFleet.start(["web-1"], STATES);
  await fleet.plan("unsure");
  const refused = await fleet.apply(1n, undefined, { strict: true });

  assertEquals(refused.entries[0]?.state, "refused");
  assertEquals(await fleet.text("web-1", "made"), undefined);
});
