import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { timerSlackIsShown } from "./support.ts";

Deno.test({
  name:
    "a subreaper gets the orphans and reaps them, and Deno's own children keep their exit codes",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    assertEquals(await run("subreaper"), {
      active: true,
      adopted: true,
      codes: [3, ...Array.from({ length: 50 }, (_, i) => i)],
    });
  },
});

Deno.test({
  name:
    "a chain seen only dead counts as living until no more of it comes (needs CAP_SYS_NICE)",
  ignore: !timerSlackIsShown,
  fn: async () => {
    const { hops, aliveAre, over, receipt } = await run("hidden_chain");
    assertEquals(hops, { asked: 1, ended: 1 });
    assertEquals(aliveAre, [1, 1]);
    assertEquals(over, { asked: 0, ended: 0 });
    assertEquals(receipt, { signalled: 0, alive: [] });
  },
});

/** Runs a program of this folder and returns its report. */
async function run(program: string) {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      fromFileUrl(new URL(`./${program}_program.ts`, import.meta.url)),
    ],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}
