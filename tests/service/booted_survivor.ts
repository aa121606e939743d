import { assertEquals, assertMatch } from "@std/assert";
import type { BootedHost } from "./booted_host.ts";

/** Succeeds once the command of a job on web-1 is in a state. */
const isIn = (job: string, state: string) =>
  `piri-manager show ${job}/web-1 --json | grep -q '"state":"${state}"'`;

/**
 * Restarts the agent, and kills it, while a program runs that outlives it. Both must leave the program and its result.
 *
 * `connected` is a line that succeeds if the agent is connected; each line of `ends` ends its process in some way.
 */
export async function checkSurvivor(
  host: BootedHost,
  { connected, ends }: {
    readonly connected: string;
    readonly ends: readonly string[];
  },
): Promise<void> {
  const started = await host.must(
    "piri-manager run web-1 --survive --detach --json -- sh -c '" +
      "echo begun; echo $$ > /run/survivor; until test -e /run/go; do sleep 0.2; done; echo done; exit 7'",
  );
  const job: string = JSON.parse(started).id;
  await host.until(`test -s /run/survivor && ${isIn(job, "running")}`);
  const alive = "tr '\\0' ' ' < /proc/$(cat /run/survivor)/cmdline";
  const before = await host.must(alive);

  for (const end of ends) {
    await host.must(end);
    await host.until(`${connected} && ${isIn(job, "running")}`);
    assertEquals(await host.must(alive), before);
  }
  assertMatch(
    await host.must(`piri-manager show ${job}/web-1`),
    /^survives: +the end of its agent$/m,
  );

  await host.must("touch /run/go");
  await host.until(isIn(job, "failed"));
  const { exitCode } = JSON.parse(
    await host.must(`piri-manager show ${job}/web-1 --json`),
  );
  assertEquals(exitCode, 7);
  assertEquals(
    await host.must(`piri-manager show ${job}/web-1 --output`),
    "begun\ndone\n",
  );
}
