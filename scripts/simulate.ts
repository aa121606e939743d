/**
 * Runs whole fleets on a virtual clock through what seeds do to them, and shows the first rule that breaks.
 *
 *     deno task simulate [--seeds 1000] [--agents 20] [--from 1] [--plant id-reused]
 *     deno task simulate --seed 17 [--agents 20]        that one again, with all that happened
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type Plant, PLANTS } from "../tests/simulation/plants.ts";
import { search } from "../tests/simulation/search.ts";
import { type Report, simulate } from "../tests/simulation/simulation.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    seeds: { type: "string", default: "1000" },
    agents: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    plant: { type: "string" },
  },
});

Deno.exitCode = values.seed === undefined
  ? await searchSeeds()
  : await replay(wholeNumber("seed", values.seed));

async function searchSeeds(): Promise<number> {
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
  const seeds = wholeNumber("seeds", values.seeds);
  const broken = await search({
    ...options(),
    from: wholeNumber("from", values.from),
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
  return await replay(broken.seed);
}

async function replay(seed: number): Promise<number> {
  const report = await simulate(seed, { ...options(), trace: true });
  for (const line of report.trace) say(line);
  say(summaryOf(report));
  if (report.violation === undefined) return 0;
  say(`VIOLATION: ${report.violation}`);
  say(`Again: deno task simulate --seed ${seed} ${sameOptions()}`);
  return 1;
}

function summaryOf(report: Report): string {
  const seconds = (report.elapsedMs / 1_000).toFixed(0);
  return `seed ${report.seed}: digest ${report.digest}, ${report.commands} commands, ${report.effects} effects, ${report.events} events in ${seconds} s; faults: ${
    report.faults.join(" ")
  }`;
}

function options(): { agents: number; plant: Plant | undefined } {
  const { plant } = values;
  const known = PLANTS.find((each) => each === plant);
  if (plant !== undefined && known === undefined) {
    throw new TypeError(`--plant is one of ${PLANTS.join(", ")}`);
  }
  return { agents: wholeNumber("agents", values.agents), plant: known };
}

function sameOptions(): string {
  const plant = values.plant === undefined ? "" : ` --plant ${values.plant}`;
  return `--agents ${values.agents}${plant}`;
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw new TypeError(`--${name} is a whole number, not "${text}"`);
  }
  return Number(text);
}

function say(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let at = 0; at < bytes.length;) {
    at += Deno.stdout.writeSync(bytes.subarray(at));
  }
}
