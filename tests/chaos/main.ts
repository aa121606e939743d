/**
 * Brings faults to the real programs, and checks from outside that every promise is kept: a Manager and agents as
 * processes, with lines between them that cut, stall, corrupt and go silent, and SIGKILL for all of them.
 *
 *     deno task chaos [--rounds 50] [--seed S] [--agents 4] [--source]
 *     deno task chaos --cancel-rounds 200 [--source]
 *
 * A seed repeats the orders and the planned faults, but not the exact timing of the programs.
 *
 * @module
 */
import { PiriError } from "../../lib/base/errors.ts";
import { readFlags, wholeNumber } from "../../scripts/build/flags.ts";
import { main, say } from "../../scripts/build/main.ts";
import { cancels } from "./cancels.ts";
import { chaos, countsText } from "./chaos.ts";
import { fresh, fromSource } from "../../scripts/local/programs.ts";

/** Exit code of an interrupted run. */
const INTERRUPTED = 130;

const USAGE = `\
Usage: deno task chaos [--rounds 50] [--seed S] [--agents 4] [--source]
       deno task chaos --cancel-rounds 200 [--source]`;

const signal = interruption();

await main(async () => {
  const values = readFlags(USAGE, {
    rounds: { type: "string" },
    "cancel-rounds": { type: "string" },
    seed: { type: "string" },
    agents: { type: "string", default: "4" },
    source: { type: "boolean", default: false },
  });
  if (Deno.build.os !== "linux") {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot look for what is left of commands: that takes /proc, so Linux",
    );
  }
  const cancelRounds = wholeNumber(
    "cancel-rounds",
    values["cancel-rounds"] ?? "0",
  );
  const rounds = wholeNumber(
    "rounds",
    values.rounds ?? (cancelRounds === 0 ? "50" : "0"),
  );
  const seed = wholeNumber(
    "seed",
    values.seed ?? String(crypto.getRandomValues(new Uint32Array(1))[0]),
  );
  const agents = wholeNumber("agents", values.agents);
  const programs = values.source ? fromSource : await fresh();
  try {
    if (rounds > 0) await runChaos();
    if (cancelRounds > 0 && !signal.aborted) await runCancels();
  } catch (error) {
    // Ctrl-C also reaches the programs that this run waits for. Errors after it are no finding.
    if (!signal.aborted) throw error;
  }
  if (signal.aborted) Deno.exitCode = INTERRUPTED;

  async function runChaos(): Promise<void> {
    say(`seed ${seed}`);
    const report = await chaos({ programs, rounds, seed, agents, say, signal });
    say(
      `${report.rounds} rounds in ${report.seconds.toFixed(0)} s\ncommands: ${
        countsText(report.commands)
      }\nfaults: ${
        countsText(report.faults)
      }\nviolations: ${report.violations.length}`,
    );
    fail(report, `seed ${seed}`);
  }

  async function runCancels(): Promise<void> {
    const report = await cancels({
      programs,
      rounds: cancelRounds,
      say,
      signal,
    });
    say(report.text);
    fail(report, "cancel");
  }
});

/** Signal that aborts on Ctrl-C. The programs that were started are ended first. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => controller.abort());
  }
  return controller.signal;
}

/** Shows the violations, and sets the exit code to 1. */
function fail(
  { violations, logs }: { violations: readonly string[]; logs: string },
  where: string,
): void {
  if (violations.length === 0 || signal.aborted) return;
  say(logs);
  for (const violation of violations) say(`violation (${where}): ${violation}`);
  Deno.exitCode = 1;
}
