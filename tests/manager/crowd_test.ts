import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../lib/base/clock.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { encodeJoinToken, parseJoinToken } from "../../lib/base/join_token.ts";
import { managerServices } from "../../lib/manager_services.ts";
import { joinManager } from "../../lib/serve_agent.ts";
import { serveManager } from "../../lib/serve_manager.ts";
import { say } from "../../scripts/build/main.ts";
import { LiveProgram } from "../support/live_program.ts";
import { TempFolder } from "../support/temp_folder.ts";

const PROGRAM = new URL("crowd_program.ts", import.meta.url);

const SILENT = 5_000;
const LOUD = 50;

/** Longest wait for an agent. Without other load it gets in within a second; busy machines take longer. */
const PATIENCE_MS = 5_000;

/** Time in which an agent joins a Manager behind a crowd, in milliseconds. */
async function timeToJoin(config: string): Promise<number> {
  await using folder = await TempFolder.make();
  const dir = folder.at("manager");
  const address = "127.0.0.1:0";
  await managerServices.init({
    dir,
    listen: address,
    advertise: "127.0.0.1:1",
  });
  const path = folder.at("manager", "config.yaml");
  await Deno.writeTextFile(path, config, { append: true });
  const parts = { clock: systemClock, random: systemRandom };
  await using manager = await serveManager({ dir, ...parts });
  await using crowd = new LiveProgram("crowd", [
    Deno.execPath(),
    ...["run", "-A", PROGRAM.href, `${manager.port}`, `${SILENT}`, `${LOUD}`],
  ]);
  await crowd.printed(/^here: 5000$/m);
  const token = await manager.manager.agents.add({
    id: "web-1",
    groups: [],
    cidrs: ["127.0.0.0/8"],
  });
  const at = { dir: folder.at("agent"), ...parts };
  const begun = performance.now();
  const joined = await joinManager(tokenFor(token, manager.port), at);
  const time = performance.now() - begun;
  assertEquals(joined.name, "web-1");
  return time;
}

/** Token with the port of a Manager that learned it only after its start. */
function tokenFor(token: string, port: number): string {
  const addresses = [`127.0.0.1:${port}`];
  return encodeJoinToken({ ...parseJoinToken(token), addresses });
}

async function joinsInTime(how: string, config = ""): Promise<void> {
  const time = Math.round(await timeToJoin(config));
  say(`An agent joined ${how} in ${time} ms`);
  assert(time < PATIENCE_MS, `it took ${time} ms`);
}

Deno.test("an agent joins while 5,000 silent and 50 senders of garbage are connected", async () => {
  await joinsInTime("past a crowd");
});

Deno.test("an agent joins past the crowd through a guard", async () => {
  await joinsInTime(
    "past a crowd and by a guard",
    "guard: { perAddress: 10000, total: 6000 }\n",
  );
});

Deno.test("an agent joins though the crowd exceeds the guard's limits", async () => {
  await joinsInTime(
    "by a guard that the crowd fills",
    "guard: { perAddress: 10000, total: 1000 }\n",
  );
});
