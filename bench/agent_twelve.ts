import { sleep, systemClock } from "../lib/base/clock.ts";
import {
  AgentAndHolder,
  memoryOf,
  NAME,
  settledMemory,
} from "./agent_and_holder.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { watchAll } from "./run_on.ts";
import { median } from "./samples.ts";

/** Number of commands at once. */
const COMMANDS = 12;

/** Time that each of them takes, in seconds. */
const LASTS = 4;

/** Time from their request until memory is looked at, in milliseconds. */
const LOOK_MS = 3_000;

/** Memory of an agent while it runs twelve commands. */
export const agentTwelve: Pair = {
  name: "agent-twelve",
  unit: "MB",
  goal: { most: 2.1 },
  ours: `memory of a compiled agent while ${COMMANDS} commands run`,
  beside: "memory of a compiled program that only holds one TLS connection",
  async open(): Promise<OpenPair | LeftOut> {
    const both = await AgentAndHolder.prepare();
    if ("leftOut" in both) return both;
    const { control } = both.manager;
    const after: number[] = [];
    const held: number[] = [];
    const request = {
      agents: [NAME],
      operation: "command.Run",
      params: JSON.stringify({ argv: ["sleep", String(LASTS)] }),
      requestedBy: "bench",
    };
    return {
      async ours() {
        await using agent = await both.startAgent();
        const started = await Promise.all(
          Array.from(
            { length: COMMANDS },
            () =>
              control.commands.run({
                ...request,
                requestId: crypto.randomUUID(),
              }),
          ),
        );
        await sleep(systemClock, LOOK_MS);
        const memory = await memoryOf(agent);
        await watchAll(
          control,
          started.flatMap((answer) => answer.commands),
        );
        after.push(await settledMemory(agent));
        return memory;
      },
      async beside() {
        const memory = await both.heldMemory();
        held.push(memory);
        return memory;
      },
      notes: () => [
        `after them: ${median(after).toFixed(1)} MB, ${
          (median(after) / median(held)).toFixed(2)
        } of what it is beside`,
      ],
      [Symbol.asyncDispose]: () => both[Symbol.asyncDispose](),
    };
  },
};
