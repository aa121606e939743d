/**
 * Lets a day of silence pass on a virtual clock, and prints in bytes how much more was in memory after its last hour than
 * after its first, and at most in its evening than at most before. A program of its own, so that nothing else is in
 * memory.
 *
 *     deno run -A --v8-flags=--expose-gc,--no-flush-bytecode tests/simulation/silence_child.ts away|deaf|mute|dead
 *
 * @module
 */
import { SILENCES, SilentAgents } from "./silent_agents.ts";
import { withoutManager } from "./silent_manager.ts";

const HOUR_MS = 3_600_000;
const HOURS = 24;
/** By then all that fills up to a bound is full, or grows too slowly to matter. */
const EVENING = 16;

/** What was in memory, bytes: objects, and buffers besides what a disk in memory has. */
interface Memory {
  readonly objects: number;
  readonly buffers: number;
}

const [who] = Deno.args;
const silence = SILENCES.find((each) => each === who);
const hours: Memory[] = [];
const complaint = silence === undefined
  ? await withoutAnyManager()
  : await withAgents(new SilentAgents(silence));
const [first, last] = [hours[0], hours[HOURS - 1]];
if (first === undefined || last === undefined) throw new TypeError(who);
say(JSON.stringify({
  complaint,
  day: growth(first, last),
  evening: growth(
    most(hours.slice(0, EVENING)),
    most(hours.slice(EVENING, HOURS)),
  ),
}));

function growth(before: Memory, after: Memory): Memory {
  return {
    objects: after.objects - before.objects,
    buffers: after.buffers - before.buffers,
  };
}

function most(hours: readonly Memory[]): Memory {
  return {
    objects: Math.max(...hours.map(({ objects }) => objects)),
    buffers: Math.max(...hours.map(({ buffers }) => buffers)),
  };
}

async function withoutAnyManager(): Promise<string> {
  const { violation } = await withoutManager(
    HOURS,
    (diskBytes) => hours.push(memory(diskBytes)),
  );
  return violation ?? "";
}

async function withAgents(agents: SilentAgents): Promise<string> {
  await using _ = agents;
  const { time, truth } = agents;
  await agents.begin();
  for (let hour = 1; hour <= HOURS; hour++) {
    await time.run(hour * HOUR_MS, () => truth.violation !== undefined);
    hours.push(memory(0));
  }
  return truth.violation?.message ?? agents.complaint;
}

/** What is left when all has gone that can go. */
function memory(diskBytes: number): Memory {
  const collectGarbage: unknown = Reflect.get(globalThis, "gc");
  if (typeof collectGarbage !== "function") {
    throw new TypeError("Run it with --v8-flags=--expose-gc");
  }
  // The second time finds what the first one made free to go.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return { objects: heapUsed, buffers: external - diskBytes };
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
