import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

Deno.test({
  name:
    "a subreaper gets the orphans and reaps them, and Deno's own children keep their exit codes",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const path = fromFileUrl(
      new URL("./subreaper_program.ts", import.meta.url),
    );
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", path],
      stderr: "inherit",
    }).output();
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), {
      active: true,
      adopted: true,
      codes: [3, ...Array.from({ length: 50 }, (_, i) => i)],
    });
  },
});
