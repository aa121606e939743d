/**
 * Lets a day of silence pass on a virtual clock and prints two growths of memory in bytes: from after the first hour to
 * after the last, and from the highest before the evening to the highest in it. It is a program of its own, so that
 * nothing else is in memory.
 *
 *     deno run -A --v8-flags=--expose-gc,--no-flush-bytecode tests/simulation/silence_child.ts away|deaf|mute|dead
 *
 * @module
 */
import { SILENCES, SilentAgents } from "./silent_agents.ts";
import { withoutManager } from "./silent_manager.ts";

const HOUR_MS = 3_600_000;
const HOURS = 24;
/** Hour at which everything that fills up to a limit is full, or grows too slowly to matter. */
const EVENING = 16;

/** Memory in use, in bytes: objects, and buffers without those of a disk in memory. */
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

/** Memory in use after a full collection. */
function memory(diskBytes: number): Memory {
  const collectGarbage: unknown = Reflect.get(globalThis, "gc");
  if (typeof collectGarbage !== "function") {
    throw new TypeError("Run it with --v8-flags=--expose-gc");
  }
  // The second collection frees what the first one made free.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return { objects: heapUsed, buffers: external - diskBytes };
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
