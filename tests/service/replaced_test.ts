import { assertEquals } from "@std/assert";
import { ReplacedWatch } from "../../lib/service/replaced.ts";
import { isStartedByServiceManager } from "../../lib/service/started_by.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("a program notices once that its file was replaced, and not that it is missing", async () => {
  const clock = new FakeClock();
  let file: string | undefined = "1";
  let told = 0;
  using watch = new ReplacedWatch({
    clock,
    identify: () => Promise.resolve(file),
    onReplaced: () => told++,
  });
  await watch.start();
  const seen = [];
  for (const next of ["1", undefined, "2", "3"]) {
    file = next;
    await clock.advance(60_000);
    seen.push(told);
  }
  assertEquals(seen, [0, 0, 1, 1]);
});

Deno.test("a program knows if a service manager has started it, and if one has only started its parent", () => {
  const started = (variables: Record<string, string>) =>
    isStartedByServiceManager("piri-agent", {
      env: (name) => variables[name],
      pid: 7,
    });
  assertEquals([
    started({ SYSTEMD_EXEC_PID: "7" }),
    started({ WATCHDOG_PID: "7" }),
    started({ RC_SVCNAME: "piri-agent" }),
    started({ XPC_SERVICE_NAME: "org.piri.agent" }),
  ], [true, true, true, true]);
  assertEquals([
    started({}),
    started({ SYSTEMD_EXEC_PID: "8", WATCHDOG_PID: "8", INVOCATION_ID: "x" }),
    started({ RC_SVCNAME: "sshd" }),
    started({ XPC_SERVICE_NAME: "0" }),
  ], [false, false, false, false]);
});
