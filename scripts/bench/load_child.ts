/**
 * The simulated agents of a bench, in a process of their own. Enrols them, and then connects and leaves as it is asked.
 *
 * @module
 */
import { connectControl } from "../../lib/api/client.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { answerLines } from "./child.ts";
import { enrolAll, namesOf } from "./enrol.ts";
import { PARALLEL_DIALS } from "./pair.ts";
import { SimulatedFleet } from "./simulated_fleet.ts";

const [dir = "", agents = ""] = Deno.args;
const fleet = await enrolled();
await answerLines({
  connect: () => fleet.connect({ parallel: PARALLEL_DIALS }),
  recorded: (count) => fleet.recorded(count),
  leave: () => fleet.leave(),
});

async function enrolled(): Promise<SimulatedFleet> {
  using control = await connectControl(dir);
  const names = namesOf(Number(agents));
  const identities = await enrolAll(control, names, systemRandom);
  const options = { clock: systemClock, outputBytes: 0 };
  const fleet = new SimulatedFleet(identities, options);
  await fleet.connect({ parallel: PARALLEL_DIALS });
  await fleet.leave();
  return fleet;
}
