/**
 * Simulated agents of a bench, in a process of their own. Enrols them, and then acts on requests. Its arguments are the
 * Manager's folder, the number of agents, the number of other agents before them, the number of redials at a time, and
 * the word for agents that prove keys.
 *
 * @module
 */
import { connectControl } from "../lib/api/client.ts";
import { systemClock } from "../lib/base/clock.ts";
import { CoarseClock } from "../lib/base/coarse_clock.ts";
import { systemRandom } from "../lib/base/random.ts";
import { answerLines } from "./child.ts";
import { enrolAll, namesOf } from "./enrol.ts";
import { PARALLEL_DIALS, PROVING } from "./pair.ts";
import { SimulatedFleet } from "./simulated_fleet.ts";

const [dir = "", ...numbers] = Deno.args;
const isProving = numbers.pop() === PROVING;
const [agents = 0, after = 0, parallel = PARALLEL_DIALS] = numbers.map(Number);
const fleet = await enrolled();
await answerLines({
  connect: () => fleet.connect({ parallel: PARALLEL_DIALS }),
  answered: (count) => fleet.answeredAll(count),
  recorded: (count) => fleet.recorded(count),
  stay: (pauseMs) => fleet.stay({ parallel, pauseMs }),
  present: () => fleet.present,
  returned: () => fleet.returned,
  leave: () => fleet.leave(),
});
Deno.exit(0);

/** Enrols the agents. They are not connected afterwards. */
async function enrolled(): Promise<SimulatedFleet> {
  using control = await connectControl(dir);
  const names = namesOf(agents, after);
  const identities = await enrolAll(control, names, systemRandom);
  // Real agents have a process each. These share one, which must not spend its time on timers.
  const clock = new CoarseClock(systemClock);
  const options = { clock, outputBytes: 0, isProving };
  const fleet = new SimulatedFleet(identities, options);
  await fleet.connect({ parallel: PARALLEL_DIALS });
  await fleet.leave();
  return fleet;
}
