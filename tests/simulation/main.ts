/**
 * Runs whole fleets on a virtual clock with faults chosen by seeds, and shows the first rule that breaks.
 *
 *     deno task simulate [--seeds 1000] [--agents 20] [--from 1] [--plant id-reused]
 *     deno task simulate --seed 17 [--agents 20]        that one again, with all that happened
 *
 * @module
 */
import { JOB_PLANTS, type Plant, PLANTS } from "./plants.ts";
import { search } from "./search.ts";
import type { Report } from "./report.ts";
import { simulate } from "./simulation.ts";
import { oneOf, readFlags, wholeNumber } from "../../scripts/build/flags.ts";
import { main } from "../../scripts/build/main.ts";

const ALL_PLANTS = [...PLANTS, ...JOB_PLANTS] as const;

const USAGE = `\
Usage: deno task simulate [--seeds 1000] [--agents 20] [--from 1] [--jobs] [--plant P]
       deno task simulate --seed 17 [--agents 20] [--jobs] [--plant P]

With --jobs, operators start jobs as well.
P is a known bug: ${ALL_PLANTS.join(", ")}`;

/** Settings of the simulation. */
interface Setup {
  readonly agents: number;
  readonly plant: Plant | undefined;
  /** True if operators start jobs, too. */
  readonly jobs: boolean;
}

await main(async () => {
  const { seeds, agents, from, seed, plant, jobs } = readFlags(USAGE, {
    seeds: { type: "string", default: "1000" },
    agents: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    plant: { type: "string" },
    jobs: { type: "boolean", default: false },
  });
  const setup = {
    agents: wholeNumber("agents", agents, 1),
    plant: plant === undefined ? undefined : oneOf("plant", plant, ALL_PLANTS),
    jobs: jobs || JOB_PLANTS.some((each) => each === plant),
  };
  Deno.exitCode = seed === undefined
    ? await searchSeeds(setup, {
      from: wholeNumber("from", from),
      seeds: wholeNumber("seeds", seeds, 1),
    })
    : await replay(setup, wholeNumber("seed", seed));
});

async function searchSeeds(
  setup: Setup,
  { from, seeds }: { from: number; seeds: number },
): Promise<number> {
  const begun = performance.now();
  let done = 0;
  let commands = 0;
  const tell = () => {
    const rate = done / (performance.now() - begun) * 1_000;
    say(
      `${done} seeds, ${commands} commands, ${
        rate.toFixed(1)
      } seeds/s, no violation`,
    );
  };
  const broken = await search({
    ...setup,
    from,
    seeds,
    ran: (report) => {
      commands += report.commands;
      if (report.violation !== undefined) return;
      done++;
      if (done % 50 === 0 || done === seeds) tell();
    },
  });
  if (broken === undefined) return 0;
  say(`seed ${broken.seed} breaks a rule; this is what happened:`);
  return await replay(setup, broken.seed);
}

async function replay(setup: Setup, seed: number): Promise<number> {
  const report = await simulate(seed, { ...setup, trace: true });
  for (const line of report.trace) say(line);
  say(summaryOf(report));
  if (report.violation === undefined) return 0;
  say(`VIOLATION: ${report.violation}`);
  say(`Again: deno task simulate --seed ${seed} ${flagsOf(setup)}`);
  return 1;
}

function summaryOf(report: Report): string {
  const seconds = (report.elapsedMs / 1_000).toFixed(0);
  return `seed ${report.seed}: digest ${report.digest}, ${report.commands} commands, ${report.effects} effects, ${report.events} events in ${seconds} s; faults: ${
    report.faults.join(" ")
  }`;
}

function flagsOf({ agents, plant, jobs }: Setup): string {
  return `--agents ${agents}${jobs ? " --jobs" : ""}${
    plant === undefined ? "" : ` --plant ${plant}`
  }`;
}

function say(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}
