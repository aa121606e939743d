import { assertEquals } from "@std/assert";
import { environmentFor } from "../../lib/operations/environment.ts";
import { identify } from "../../lib/operations/process_table.ts";
import { endSurvivors } from "../../lib/operations/survivors.ts";
import {
  timerSlackOf,
  withTimerSlack,
} from "../../lib/operations/timer_slack.ts";
import { program } from "../support/program.ts";
import {
  newContext,
  processesWith,
  timerSlackIsShown,
  uniqueSeconds,
} from "./support.ts";

const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "a survivor is killed by its process id and start time",
  ignore,
  fn: async () => {
    const { marker } = newContext();
    await using child = await startSleeping("someone else's");
    const receipt = await endSurvivors([identify(child.pid)], marker);
    assertEquals(receipt, { signalled: 1, alive: [] });
    assertEquals((await child.status).signal, "SIGTERM");
  },
});

Deno.test({
  name: "a survivor whose process id was never noted is killed by its marker",
  ignore,
  fn: async () => {
    const { marker } = newContext();
    await using child = await startSleeping(marker);
    const receipt = await endSurvivors([], marker);
    assertEquals(receipt, { signalled: 1, alive: [] });
    assertEquals((await child.status).signal, "SIGTERM");
  },
});

Deno.test({
  name: "a survivor that ignores SIGTERM is killed",
  ignore,
  fn: async () => {
    const { marker } = newContext();
    await using child = await startSleeping(marker, "sleepIgnoringTerm");
    const receipt = await endSurvivors([], marker);
    assertEquals(receipt, { signalled: 1, alive: [] });
    assertEquals((await child.status).signal, "SIGKILL");
  },
});

for (
  const [what, change] of Object.entries({
    "another start": (startTime: string) => `${startTime}1`,
    "another boot": (startTime: string) => startTime.replace(/^[^:]*/, "boot"),
    "no start": () => "",
  })
) {
  Deno.test({
    name: `a process with a survivor's id and ${what} is left alone`,
    ignore,
    fn: async () => {
      const { marker } = newContext();
      await using child = await startSleeping("someone else's");
      const { pid, startTime } = identify(child.pid);
      const receipt = await endSurvivors(
        [{ pid, startTime: change(startTime) }],
        marker,
      );
      assertEquals(receipt, { signalled: 0, alive: [] });
      assertEquals(processesWith(child.seconds), [child.pid]);
    },
  });
}

Deno.test({
  name:
    "a survivor that lost all but its timer slack is killed (needs CAP_SYS_NICE)",
  ignore: !timerSlackIsShown,
  fn: async () => {
    const { marker } = newContext();
    const seconds = uniqueSeconds();
    const child = withTimerSlack(
      timerSlackOf(marker),
      () =>
        new Deno.Command("/bin/sh", {
          args: ["-c", `(env -i setsid sleep ${seconds} &)`],
          detached: true,
        }).spawn(),
    );
    const identity = identify(child.pid);
    await child.status;
    const receipt = await endSurvivors([identity], marker);
    assertEquals(receipt, { signalled: 1, alive: [] });
    assertEquals(processesWith(seconds), []);
  },
});

async function startSleeping(
  marker: string,
  behaviour: "sleep" | "sleepIgnoringTerm" = "sleep",
) {
  const seconds = uniqueSeconds();
  const [name, ...args] = program(behaviour, seconds);
  const child = new Deno.Command(name, {
    args,
    env: environmentFor(marker),
    clearEnv: true,
    detached: true,
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    pid: child.pid,
    seconds,
    status: child.status,
    [Symbol.asyncDispose]: async () => {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended, as it should.
      }
      await child.status;
      await reader.cancel();
    },
  };
}
