import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { newSigningKey } from "../lib/base/signing_key.ts";
import { systemRandom } from "../lib/base/random.ts";
import { initState } from "../lib/manager/state/init_state.ts";
import { joinManager, leaveFleet, tryHello } from "../lib/serve_agent.ts";
import { serveManager } from "../lib/serve_manager.ts";
import { freePort } from "../scripts/local/free_port.ts";
import { TempFolder } from "./support/temp_folder.ts";

const SHORT = Deno.build.os === "darwin" ? { dir: "/tmp" } : {};

const options = { clock: systemClock, random: systemRandom };

/** A Manager's state folder that listens on this machine. */
async function initialised(dir: string): Promise<void> {
  const address = { host: "127.0.0.1", port: freePort() };
  await initState(dir, { ...options, listen: address, advertise: address });
}

/** An agent that is known to the Manager of this folder, and a token for it. */
async function tokenOf(
  { manager: { agents } }: Awaited<ReturnType<typeof serveManager>>,
  id: string,
): Promise<string> {
  return await agents.add({ id, groups: [], cidrs: [] });
}

Deno.test("a host joins with a key, and an impostor with the authority's key is left", async () => {
  await using folder = await TempFolder.make(SHORT);
  const [m, a] = [folder.at("m"), folder.at("a")];
  await initialised(m);
  {
    await using manager = await serveManager({ ...options, dir: m });
    const token = await tokenOf(manager, "web-1");
    await joinManager(token, { ...options, dir: a });
    // The same token again, then a hello with the key alone.
    await joinManager(token, { ...options, dir: a });
    await tryHello({ ...options, dir: a });
  }
  await Deno.writeTextFile(`${m}/manager.key`, newSigningKey(systemRandom));
  await using _impostor = await serveManager({ ...options, dir: m });
  const error = await assertRejects(
    () => tryHello({ ...options, dir: a }),
    PiriError,
    "this agent's Manager has the key",
  );
  assertEquals(error.code, "UNAVAILABLE");
});

Deno.test("a host that leaves the fleet is retired there", async () => {
  await using folder = await TempFolder.make(SHORT);
  const [m, a] = [folder.at("m"), folder.at("a")];
  await initialised(m);
  await using manager = await serveManager({ ...options, dir: m });
  const token = await tokenOf(manager, "web-1");
  await joinManager(token, { ...options, dir: a });
  await leaveFleet({ ...options, dir: a });
  const [agent] = await manager.manager.agents.list();
  assertEquals([agent?.retired, agent?.connected], [true, false]);
});

Deno.test("an agent of a copied folder without its key is refused, although it has the secret", async () => {
  await using folder = await TempFolder.make(SHORT);
  const [m, a] = [folder.at("m"), folder.at("a")];
  await initialised(m);
  await using manager = await serveManager({ ...options, dir: m });
  const token = await tokenOf(manager, "web-1");
  await joinManager(token, { ...options, dir: a });
  await Deno.remove(`${a}/agent.key`);
  await Deno.remove(`${a}/manager-key.json`);
  await assertRejects(
    () => tryHello({ ...options, dir: a }),
    PiriError,
    "Cannot join",
  );
});

Deno.test("an agent that joined before there were keys proves one with its next hello", async () => {
  await using folder = await TempFolder.make(SHORT);
  const [m, a] = [folder.at("m"), folder.at("a")];
  await initialised(m);
  await using manager = await serveManager({ ...options, dir: m });
  await joinManager(await tokenOf(manager, "web-1"), { ...options, dir: a });
  await Deno.remove(`${a}/manager-key.json`);
  await tryHello({ ...options, dir: a });
  assertEquals(
    JSON.parse(await Deno.readTextFile(`${a}/manager-key.json`)).managerKey
      .length,
    44,
  );
});
