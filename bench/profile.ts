/**
 * Records a CPU profile of V8 of a Manager while commands go to 1,000 agents.
 *
 * @module
 */
import { join } from "@std/path";
import { PiriError } from "../lib/base/errors.ts";
import { fromSource } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { NoOps } from "./no_ops.ts";

const AGENTS = 1_000;

/** Numbers of rounds until the compiler is done, and of the rounds that count. */
const ROUNDS = { before: 15, counted: 40 };

const [to = "manager.cpuprofile"] = Deno.args;
await using folder = await TempFolder.make("piri-profile-");
const dir = folder.at("profiles");
const seconds = await measured(dir);
await Deno.copyFile(await profileOf(dir), to);
const rounds = `${ROUNDS.counted} commands to each of ${AGENTS} agents`;
Deno.stdout.writeSync(
  new TextEncoder().encode(
    `${to}: ${rounds} are its last ${seconds.toFixed(1)} s\n`,
  ),
);

/** Path of the profile of the Manager's main thread. */
async function profileOf(dir: string): Promise<string> {
  let largest = { path: "", size: 0 };
  for await (const { name } of Deno.readDir(dir)) {
    const path = join(dir, name);
    const { size } = await Deno.stat(path);
    // Profiles of other threads are named "worker", and that of `init` is small.
    if (!name.includes("worker") && size > largest.size) {
      largest = { path, size };
    }
  }
  if (largest.size > 0) return largest.path;
  throw new PiriError(
    "INTERNAL",
    "Cannot record a profile: the Manager left none",
  );
}

/** Has a Manager do the work and leave its profiles in a folder. Returns the time of the counted rounds, in seconds. */
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
