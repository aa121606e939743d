import { compiled } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { puppetApply } from "./puppet.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { writeState } from "./state_files.ts";
import { timed, timedWell } from "./timed.ts";

const PACKAGES = 100;

/** A state of many packages, when all of them are installed. */
export const statePackages: Pair = {
  name: "state-packages",
  instead: { tool: "puppet", task: "Check packages" },
  unit: "ms",
  goal: { most: 0.1 },
  ours:
    "the agent's command of a plan: 100 package steps, all installed, which is one question to dpkg",
  beside: "`puppet apply` of the same packages on the host itself",
  async open(): Promise<OpenPair | LeftOut> {
    const lacks = await lacking("puppet", "dpkg-query");
    if (lacks !== undefined) return lacks;
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const names = await installedPackages();
    const manifest = folder.at("site.pp");
    const resources = names.map((name) =>
      `package { '${name}': ensure => installed }\n`
    );
    await Deno.writeTextFile(manifest, resources.join(""));
    const state = names.map((name) => ({
      [name]: { type: "package.Installed", name },
    }));
    const fleet = undo.use(
      await RealFleet.start(programs, {
        prepare: (dir) => writeState(dir, state),
      }),
    );
    const opened = undo.move();
    return {
      ours: () => agentTime(fleet, ["plan", "web-1"]),
      beside: () =>
        timedWell(puppetApply(folder, manifest), { complains: true }),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** Time of the agent for its part of a plan that finds nothing to do, in milliseconds. */
async function agentTime(
  fleet: RealFleet,
  [subcommand = "", ...args]: string[],
): Promise<number> {
  await timedWell(fleet.command(subcommand, ...args), {
    complains: true,
    isRight: (stdout) =>
      new TextDecoder().decode(stdout).includes("nothing to do on 1 agent"),
  });
  return await fleet.timeOf("agentStartedAtMs", "agentFinishedAtMs");
}

/** Names of the first packages that are installed here, each of one architecture. */
async function installedPackages(): Promise<string[]> {
  const format = "${db:Status-Status} ${Package}\n";
  const { stdout } = await timed(["dpkg-query", "-W", "-f", format]);
  const lines = new TextDecoder().decode(stdout).split("\n");
  const names = lines
    .filter((line) => line.startsWith("installed "))
    .map((line) => line.slice("installed ".length));
  return [...new Set(names)].slice(0, PACKAGES);
}
