import { assertMatch } from "@std/assert";

const PROGRAM = new URL("log_program.ts", import.meta.url);

for (const how of ["returns", "exits", "throws", "rejects"]) {
  Deno.test(`records logged just before a program ${how} are written, in order`, async () => {
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", PROGRAM.href, how],
    }).output();
    assertMatch(new TextDecoder().decode(stderr), /one\n.*two\n.*three\n/);
  });
}
