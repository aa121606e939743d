/**
 * A load generator: simulated agents over real TLS, for any Manager. `--help` lists the flags.
 *
 *     deno run -A bench/load.ts --manager-dir DIR --agents 1000 --rate 200 --hold 60
 *
 * @module
 */
import { connectControl } from "../lib/api/client.ts";
import { sleep, systemClock } from "../lib/base/clock.ts";
import { systemRandom } from "../lib/base/random.ts";
import { main } from "../scripts/build/main.ts";
import { enrolAll, namesOf } from "./enrol.ts";
import {
  identitiesText,
  type Identity,
  identityOf,
  readIdentities,
} from "./identity.ts";
import {
  LOAD_HELP,
  type LoadOptions,
  parseLoadOptions,
} from "./load_options.ts";
import { type Latencies, msText } from "./samples.ts";
import { type Connected, SimulatedFleet } from "./simulated_fleet.ts";

async function load(options: LoadOptions): Promise<void> {
  const identities = (await identitiesFor(options)).slice(0, options.agents);
  const clock = systemClock;
  const { outputBytes, identities: keep } = options;
  const fleet = new SimulatedFleet(identities, { clock, outputBytes });
  const connected = await fleet.connect(options);
  if (keep !== undefined) {
    await Deno.writeTextFile(keep, identitiesText(identities), { mode: 0o600 });
  }
  report(options, { event: "connected", ...connected }, textOf(connected));
  const { parallel, reconnect: pauseMs } = options;
  if (pauseMs !== undefined) fleet.stay({ parallel, pauseMs });
  const began = clock.monotonic();
  await held(options.hold);
  const seconds = (clock.monotonic() - began) / 1_000;
  const summary = summaryOf(fleet, seconds);
  await fleet.leave();
  report(options, { event: "summary", ...summary }, summaryText(summary));
  const isWhole = pauseMs === undefined
    ? connected.failed + summary.dropped === 0
    : summary.absent === 0;
  if (!isWhole) Deno.exitCode = 1;
}

/** Results of a fleet that stayed for this number of seconds. */
function summaryOf(fleet: SimulatedFleet, seconds: number) {
  const { answered, recordTimes, dropped, absent, returned } = fleet;
  return {
    seconds,
    answered,
    rate: answered / seconds,
    recorded: recordTimes,
    dropped,
    absent,
    ...returned,
  };
}

function summaryText(summary: ReturnType<typeof summaryOf>): string {
  const { seconds, answered, rate, recorded, dropped, absent } = summary;
  const { returned, away, unanswered, turnedAway, failures } = summary;
  return [
    `held ${seconds.toFixed(1)} s: ${answered} commands answered (${
      rate.toFixed(0)
    }/s), ${dropped} connections lost`,
    ...answered > 0 ? [`  answer recorded: ${latenciesText(recorded)}`] : [],
    ...dropped > 0 ? [`  ${returned} came back, ${absent} did not`] : [],
    ...returned > 0 ? [`  away: ${latenciesText(away)}`] : [],
    ...unanswered > 0 ? [`  ${unanswered} dials found nobody`] : [],
    ...turnedAway > 0
      ? [`  ${turnedAway} dials were turned away for later`]
      : [],
    ...failureLines(failures),
  ].join("\n");
}

async function identitiesFor(
  { managerDir, tokenFile, identities, agents }: LoadOptions,
): Promise<Identity[]> {
  if (managerDir !== undefined) {
    using control = await connectControl(managerDir);
    return await enrolAll(control, namesOf(agents), systemRandom);
  }
  if (tokenFile !== undefined) {
    return (await Deno.readTextFile(tokenFile)).split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => identityOf(line, systemRandom));
  }
  if (identities === undefined) throw new TypeError("No agents");
  return readIdentities(await Deno.readTextFile(identities));
}

/** Waits for this number of seconds, or until the program is asked to end. */
async function held(seconds: number | undefined): Promise<void> {
  const stop = new AbortController();
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM"];
  const listener = () => stop.abort();
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  await sleep(
    systemClock,
    seconds === undefined ? Infinity : seconds * 1_000,
    stop.signal,
  );
  for (const signal of signals) Deno.removeSignalListener(signal, listener);
}

function textOf(result: Connected): string {
  const { connected, failed, seconds, rate, tls, ready, failures } = result;
  return [
    `${connected} agents connected in ${seconds.toFixed(2)} s (${
      rate.toFixed(0)
    }/s), ${failed} failed`,
    `  TLS handshake: ${latenciesText(tls)}`,
    `  let in:        ${latenciesText(ready)}`,
    ...failureLines(failures),
  ].join("\n");
}

function latenciesText({ p50, p99, max }: Latencies): string {
  return `p50 ${msText(p50)}, p99 ${msText(p99)}, max ${msText(max)}`;
}

function failureLines(failures: Readonly<Record<string, number>>): string[] {
  return Object.entries(failures)
    .map(([reason, count]) => `  ${count} times: ${reason}`);
}

function report({ json }: LoadOptions, value: unknown, text: string): void {
  // deno-lint-ignore no-console
  console.log(json ? JSON.stringify(value) : text);
}

await main(async () => {
  const options = parseLoadOptions(Deno.args);
  // deno-lint-ignore no-console
  if (options === undefined) return console.log(LOAD_HELP.trimEnd());
  await load(options);
});
