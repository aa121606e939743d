/**
 * Records where a Manager's time goes while commands go to 1,000 agents, as a CPU profile of V8.
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

/** Rounds of commands before the compiler is done, and those that are of interest. */
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

/** The path of the profile of the Manager's main thread. */
async function profileOf(dir: string): Promise<string> {
  let largest = { path: "", size: 0 };
  for await (const { name } of Deno.readDir(dir)) {
    const path = join(dir, name);
    const { size } = await Deno.stat(path);
    // The names of other threads say so, and that of `init` is short.
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

/** Has a Manager do the work and leave its profiles in a folder; returns how many seconds the counted rounds took. */
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
