import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const SCRIPT = fileURLToPath(new URL("./main.ts", import.meta.url));

Deno.test("model --without shows the numbered way to a state that must not be", async () => {
  const { code, text } = await script("--without", "journal-first");
  assertEquals(code, 0);
  assertMatch(text, /^Without "journal-first": The agent has a command on its/);
  assertMatch(text, /: B is violated after 9 steps\n {3}1\. the operator/);
  assertMatch(text, /\n {3}9\. the Manager reads .* command 1 never arrived\n/);
  assertMatch(text, /\nVIOLATION: the operator was told that request 0 has no/);
});

Deno.test("model --quick searches small configurations, and then leaves each rule out", async () => {
  const { code, text } = await script("--quick");
  assertEquals(code, 0);
  assertMatch(text, /\n {2}a host is copied: \d+ states, no violation \(/);
  assertMatch(text, /\n {2}late-lost: E is violated after 23 steps\n/);
  assertMatch(
    text,
    /\n {2}H\. No entry of a job is called lost if neither its database nor its agent's journal was set back since it was made\.\n\n/,
  );
});

Deno.test("model searches programs that outlive their agent, too", async () => {
  const quick = await script("--quick");
  const without = await script("--without", "folder-last");

  assertMatch(
    quick.text,
    /outlive their agent, with all rules:\n {2}\d+ states, no violation\n/,
  );
  assertMatch(quick.text, /\n {2}folder-last: B is violated after 13 steps\n/);
  assertEquals(without.code, 0);
  assertMatch(
    without.text,
    /\n {2}13\. the Manager is told "never ran"\nVIOLATION: Of a program/,
  );
});

for (
  const [what, args, complaint] of [
    ["a rule that it does not have", ["--without", "luck"], "session-grows"],
    ["a flag that it does not have", ["--quik"], "Usage: deno task model"],
  ] as const
) {
  Deno.test(`model does not take ${what}, and says what it takes`, async () => {
    const { code, text, complaints } = await script(...args);
    assertEquals([code, text], [2, ""]);
    assertStringIncludes(complaints, complaint);
  });
}

Deno.test("model --help tells what each rule says", async () => {
  const { code, complaints } = await script("--help");
  assertEquals(code, 0);
  assertStringIncludes(complaints, "  settle-first\n      The agent settles");
});

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
