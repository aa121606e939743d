/**
 * Connects a thousand simulated agents to a new Manager, has each answer a command, and checks that the Manager has
 * recorded every answer.
 *
 *     deno run -A bench/thousand.ts [--agents 1000]
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { readFlags, wholeNumber } from "../scripts/build/flags.ts";
import { main } from "../scripts/build/main.ts";
import { Daemon } from "../scripts/local/daemon.ts";
import { fromSource } from "../scripts/local/programs.ts";
import { until } from "../scripts/local/until.ts";
import { LocalManager } from "./local_manager.ts";
import { megabytes, rssOf } from "./memory.ts";
import { runOn, succeeded, watchAll } from "./run_on.ts";

const USAGE = "Usage: deno run -A bench/thousand.ts [--agents 1000]";

const LOAD = fromFileUrl(new URL("./load.ts", import.meta.url));

const OUTPUT_BYTES = 64;

async function thousand(agents: number): Promise<void> {
  await using manager = await LocalManager.start(fromSource);
  await say("Manager, empty", manager);
  await using load = new Daemon("the load generator", {
    argv: [
      ...[Deno.execPath(), "run", "--allow-all", LOAD],
      ...["--manager-dir", manager.dir, "--agents", String(agents)],
      ...["--output", String(OUTPUT_BYTES), "--json"],
    ],
  });
  const connected = JSON.parse(await load.line(600_000));
  const { agentsConnected } = await manager.control.status.getStatus({});
  print(
    `${connected.connected} agents joined and connected over TLS in ${
      connected.seconds.toFixed(2)
    } s (${
      connected.rate.toFixed(0)
    }/s), the Manager counts ${agentsConnected}`,
  );
  expect("agents connected", agentsConnected, agents);
  await say(`Manager with ${agents} agents`, manager);

  const began = systemClock.monotonic();
  const since = () => (systemClock.monotonic() - began) / 1_000;
  const asked = await runOn(manager.control, ["sim-*"]);
  print(
    `echo.Echo on sim-*: ${asked.length} commands recorded after ${
      since().toFixed(2)
    } s`,
  );
  const commands = await watchAll(manager.control, asked);
  print(
    `${succeeded(commands)} results watched to the end after ${
      since().toFixed(2)
    } s (${(commands.length / since()).toFixed(0)} commands/s)`,
  );
  expect("commands succeeded", succeeded(commands), agents);
  expect(
    "agents that answered",
    new Set(commands.map((c) => c.agent)).size,
    agents,
  );
  const printed = commands
    .filter(({ stdoutBytes }) => stdoutBytes === BigInt(OUTPUT_BYTES)).length;
  expect("commands with their whole output", printed, agents);
  const status = await manager.control.status.getStatus({});
  expect("commands in the database", Number(status.commandsTotal), agents);
  expect("commands still open", status.commandsOpen, 0);
  await say("Manager afterwards", manager);

  load.end();
  const { dropped, answered } = JSON.parse(await load.line());
  expect("commands answered by the agents", answered, agents);
  expect("connections lost", dropped, 0);
  await until(
    "the Manager counts nobody",
    async () =>
      (await manager.control.status.getStatus({})).agentsConnected === 0,
  );
  print("all of it is as it should be");
}

async function say(what: string, { daemon }: LocalManager): Promise<void> {
  const rss = await rssOf(daemon.pid);
  if (rss !== undefined) print(`${what}: ${megabytes(rss)} resident`);
}

function print(line: string): void {
  // deno-lint-ignore no-console
  console.log(line);
}

function expect(what: string, found: number, wanted: number): void {
  if (found === wanted) return;
  throw new PiriError(
    "INTERNAL",
    `Cannot go on: ${found} ${what} instead of ${wanted}`,
  );
}

await main(async () => {
  const { agents } = readFlags(USAGE, {
    agents: { type: "string", default: "1000" },
  });
  await thousand(wholeNumber("agents", agents, 1));
});
