/**
 * Measures the cost of an idle agent for its host: processor time, wake-ups and memory. Linux only.
 *
 *     deno run -A bench/idle.ts [--seconds 60] [--source]
 *
 * @module
 */
import { sleep, systemClock } from "../lib/base/clock.ts";
import { readFlags, wholeNumber } from "../scripts/build/flags.ts";
import { main } from "../scripts/build/main.ts";
import { run } from "../scripts/build/run.ts";
import { Daemon } from "../scripts/local/daemon.ts";
import { compiled, fromSource } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { until } from "../scripts/local/until.ts";
import { LocalManager } from "./local_manager.ts";
import { megabytes, rssOf } from "./memory.ts";
import { processorUseOf } from "./processor.ts";

const USAGE = "Usage: deno run -A bench/idle.ts [--seconds 60] [--source]";

/** Time for a connected agent to come to rest, in milliseconds. */
const SETTLE_MS = 3_000;

async function idle(seconds: number, source: boolean): Promise<void> {
  const executables = source ? undefined : await compiled();
  const programs = executables ?? fromSource;
  await using folder = await TempFolder.make("piri-bench-");
  const dir = folder.at("agent");
  await using manager = await LocalManager.start(programs);
  const { agents } = manager.control;
  const { token } = await agents.addAgent({ id: "idle-1" });
  await run([...programs.agent, "join", token, "--dir", dir]);
  const began = systemClock.monotonic();
  const argv = [...programs.agent, "run", "--dir", dir];
  await using agent = new Daemon("piri-agent run", { argv });
  await until(
    "the agent is connected",
    async () =>
      (await agents.listAgents({})).agents.every(({ connected }) => connected),
  );
  const startMs = systemClock.monotonic() - began;
  await sleep(systemClock, SETTLE_MS);
  const before = await processorUseOf(agent.pid);
  await sleep(systemClock, seconds * 1_000);
  const after = await processorUseOf(agent.pid);

  const cpuMs = after.cpuMs - before.cpuMs;
  const share = cpuMs / (seconds * 10);
  const wakeUps = (after.switches - before.switches) / seconds;
  // deno-lint-ignore no-console
  console.log([
    `agent ${
      executables === undefined ? "from source" : "compiled"
    }, idle for ${seconds} s`,
    `processor: ${share.toFixed(3)} % of a core (${cpuMs.toFixed(0)} ms)`,
    `wake-ups:  ${wakeUps.toFixed(1)} a second, all threads`,
    `memory:    ${megabytes(await rssOf(agent.pid) ?? 0)} resident`,
    `start:     ${startMs.toFixed(0)} ms until connected`,
  ].join("\n"));
}

await main(async () => {
  const { seconds, source } = readFlags(USAGE, {
    seconds: { type: "string", default: "60" },
    source: { type: "boolean", default: false },
  });
  await idle(wholeNumber("seconds", seconds, 1), source);
});
