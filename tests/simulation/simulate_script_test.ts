import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { simulate } from "./simulation.ts";

const SCRIPT = fileURLToPath(
  new URL("./main.ts", import.meta.url),
);

Deno.test("the same seed has the same digest in another process", async () => {
  const here = await simulate(7, { agents: 5 });
  const { code, text } = await script("--seed", "7", "--agents", "5");
  assertEquals(code, 0);
  assertStringIncludes(text, `digest ${here.digest}`);
});

Deno.test("simulate reports how many seeds a second it has tried", async () => {
  const { code, text } = await script("--seeds", "3", "--agents", "3");
  assertEquals(code, 0);
  assertMatch(text, /3 seeds, \d+ commands, [\d.]+ seeds\/s, no violation/);
});

Deno.test("simulate shows the seed and the events when a rule breaks, and fails", async () => {
  const { code, text } = await script(
    ...["--seeds", "500", "--agents", "5", "--plant", "resume-off-by-one"],
  );
  assertEquals(code, 1);
  assertMatch(text, /^seed \d+ breaks a rule/);
  assertMatch(text, / s {2}web-\d+ -> manager \(link \d+\): clientHello/);
  assertMatch(text, / s {2}operator: request \d+ on web-/);
  assertMatch(text, / s {2}FAULT \w+/);
  assertMatch(text, /\nVIOLATION: /);
  assertMatch(text, /--seed \d+ --agents 5 --plant resume-off-by-one/);
});

for (
  const [what, args, complaint] of [
    ["a bug that it cannot plant", ["--plant", "rust"], "one of ack-before"],
    ["a number of seeds that is none", ["--seeds", "all"], "a whole number"],
    ["a flag that it does not have", ["--seads", "3"], "Usage: deno task sim"],
  ] as const
) {
  Deno.test(`simulate refuses ${what}, and names the accepted values`, async () => {
    const { code, text, complaints } = await script(...args);
    assertEquals([code, text], [2, ""]);
    assertStringIncludes(complaints, complaint);
  });
}

async function script(
  ...args: string[]
): Promise<{ code: number; text: string; complaints: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", SCRIPT, ...args],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  const [text = "", complaints = ""] = [stdout, stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  return { code, text, complaints };
}
