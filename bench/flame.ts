/**
 * Draws where a Manager's time goes while commands go to 1,000 agents, and writes it as an SVG.
 *
 * @module
 */
import { join } from "@std/path";
import { PiriError } from "../lib/base/errors.ts";
import { fromSource } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { type CpuProfile, flameOf, flameSvg } from "./flame_graph.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { NoOps } from "./no_ops.ts";

const AGENTS = 1_000;

/** Rounds of commands before anything counts, for the compiler to be done, and those that count. */
const ROUNDS = { before: 15, counted: 40 };

/** About how long a Manager takes to end, which the profile still has. */
const STOPS_IN_S = 0.5;

const [to = "flame.svg"] = Deno.args;
await using folder = await TempFolder.make("piri-flame-");
const { seconds, profile } = await profiled(folder.at("profiles"));
const title =
  `Manager, main thread: ${ROUNDS.counted} commands to each of ${AGENTS} agents, ${
    seconds.toFixed(1)
  } s`;
const flame = flameOf(profile, (seconds + STOPS_IN_S) * 1e6);
await Deno.writeTextFile(to, flameSvg(flame, title));
Deno.stdout.writeSync(new TextEncoder().encode(`${to}\n`));

async function profiled(
  dir: string,
): Promise<{ seconds: number; profile: CpuProfile }> {
  const seconds = await measured(dir);
  for await (const { name } of Deno.readDir(dir)) {
    const profile: CpuProfile = JSON.parse(
      await Deno.readTextFile(join(dir, name)),
    );
    // That of `init` is short, and those of its threads say so.
    if (!name.includes("worker") && profile.samples.length > 1_000) {
      return { seconds, profile };
    }
  }
  throw new PiriError("INTERNAL", "Cannot draw: the Manager left no profile");
}

async function measured(dir: string): Promise<number> {
  const [deno = "", run = "", ...rest] = fromSource.manager;
  const flags = ["--cpu-prof", `--cpu-prof-dir=${dir}`];
  const argv = [deno, run, ...flags, ...rest];
  await using manager = await LocalManager.start({
    ...fromSource,
    manager: argv,
  });
  await using load = await LoadFleet.start(manager.dir, AGENTS);
  await load.connect();
  const commands = new NoOps(manager, load);
  await commands.run(ROUNDS.before);
  return await commands.run(ROUNDS.counted);
}
