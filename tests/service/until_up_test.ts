import { assertEquals } from "@std/assert";
import {
  NOT_INSTALLED,
  type ServiceHost,
  type ServiceState,
} from "../../lib/service/service_host.ts";
import { writeRunningNote } from "../../lib/service/running_note.ts";
import { untilUp } from "../../lib/service/until_up.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeHost } from "./fake_host.ts";

const DIR = "/var/lib/piri-manager";

const RUNS: ServiceState = {
  ...NOT_INSTALLED,
  dir: DIR,
  running: true,
  pid: 17,
};

/** Service that is in these states, one after the other, and stays in the last one. */
function serviceIn(
  kind: ServiceHost["kind"],
  ...states: readonly ServiceState[]
): ServiceHost {
  const rest = [...states];
  const status = () =>
    Promise.resolve(rest.length > 1 ? rest.shift() : rest[0]);
  return { kind, status } as ServiceHost;
}

/** Waits on a clock that moves on whenever it is waited for, and returns the state and the seconds that it took. */
async function waited(
  system: FakeHost,
  host: ServiceHost,
): Promise<[ServiceState, number]> {
  const clock = new FakeClock();
  let isOver = false;
  const state = untilUp(host, { clock, system }).finally(() => isOver = true);
  while (!isOver) await clock.advance(clock.timers > 0 ? 100 : 0);
  return [await state, Math.round(clock.monotonic() / 1_000)];
}

const note = (pid: number) => ({
  pid,
  version: "0.3.0",
  connected: null,
  detail: "",
});

Deno.test("a service of OpenRC is up once its process says so", async () => {
  await using system = await FakeHost.with(DIR);
  const path = system.files.at(DIR);
  await writeRunningNote(path, note(16));
  const host = serviceIn("openrc", { ...RUNS, pid: undefined }, RUNS);
  const [late, seconds] = await waited(system, host);
  await writeRunningNote(path, note(17));

  assertEquals([late, seconds >= 10], [RUNS, true]);
  assertEquals(await waited(system, host), [RUNS, 0]);
});

Deno.test("a service of OpenRC that ends is not waited for", async () => {
  await using system = await FakeHost.with(DIR);
  const ended = { ...RUNS, running: false };

  assertEquals(
    await waited(system, serviceIn("openrc", RUNS, RUNS, ended)),
    [ended, 0],
  );
});

Deno.test("a service of systemd is up when systemd says so", async () => {
  await using system = await FakeHost.with(DIR);

  assertEquals(await waited(system, serviceIn("systemd", RUNS)), [RUNS, 0]);
});
