import { sleep, systemClock } from "../lib/base/clock.ts";
import type { Daemon } from "../scripts/local/daemon.ts";
import { AgentAndHolder, NAME, settledMemory } from "./agent_and_holder.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { processorUseOf } from "./processor.ts";
import { runOn, watchAll } from "./run_on.ts";
import { median } from "./samples.ts";

/** Time over which the processor use of an idle agent is measured, in milliseconds. It includes a ping. */
const IDLE_MS = 15_000;

/** Memory of an agent that waits for its first command. */
export const agentMemory: Pair = {
  name: "agent",
  unit: "MB",
  goal: { most: 1.2 },
  ours: "memory of an idle compiled agent before its first command",
  beside: "memory of a compiled program that only holds one TLS connection",
  async open(): Promise<OpenPair | LeftOut> {
    const both = await AgentAndHolder.prepare();
    if ("leftOut" in both) return both;
    const { control } = both.manager;
    const seen: Seen[] = [];
    const held: number[] = [];
    return {
      async ours() {
        const began = systemClock.monotonic();
        await using agent = await both.startAgent();
        const startMs = systemClock.monotonic() - began;
        const memory = await settledMemory(agent);
        // Measured once, since nothing is compared with it.
        const cpuShare = seen.length > 0 ? undefined : await idleShare(agent);
        await watchAll(control, await runOn(control, [NAME]));
        const afterOne = await settledMemory(agent);
        seen.push({ startMs, cpuShare, afterOne });
        return memory;
      },
      async beside() {
        const memory = await both.heldMemory();
        held.push(memory);
        return memory;
      },
      notes: () => notesOf(seen, held),
      [Symbol.asyncDispose]: () => both[Symbol.asyncDispose](),
    };
  },
};

/** Other measurements of an agent. */
interface Seen {
  /** Time from its start until it is connected, in milliseconds. */
  readonly startMs: number;
  /** Part of a core that it uses while idle, or undefined where the system does not tell. */
  readonly cpuShare: number | undefined;
  /** Memory after its first command, in megabytes. */
  readonly afterOne: number;
}

function notesOf(seen: readonly Seen[], held: readonly number[]): string[] {
  const afterOne = median(seen.map(({ afterOne }) => afterOne));
  const shares = seen.flatMap(({ cpuShare }) => cpuShare ?? []);
  return [
    `after its first command: ${afterOne.toFixed(1)} MB, ${
      (afterOne / median(held)).toFixed(2)
    } of what it is beside (goal <= 1.4)`,
    `processor while idle: ${(median(shares) * 100).toFixed(2)} % of a core`,
    `from its start until it is connected: ${
      median(seen.map(({ startMs }) => startMs)).toFixed(0)
    } ms`,
  ];
}

async function idleShare({ pid }: Daemon): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const before = await processorUseOf(pid);
  await sleep(systemClock, IDLE_MS);
  return ((await processorUseOf(pid)).cpuMs - before.cpuMs) / IDLE_MS;
}
