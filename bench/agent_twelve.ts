import { sleep, systemClock } from "../lib/base/clock.ts";
import type { Daemon } from "../scripts/local/daemon.ts";
import {
  AgentAndHolder,
  memoryOf,
  NAME,
  settledMemory,
} from "./agent_and_holder.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { watchAll } from "./run_on.ts";

/** Number of commands at once. */
const COMMANDS = 12;

/** Time that each of them takes, in seconds. */
const LASTS = 4;

/** Time from their request until memory is looked at, in milliseconds. */
const LOOK_MS = 3_000;

/** Memory of an agent while it runs twelve commands. */
export const agentTwelve: Pair = {
  ...pairOf((_agent, during) => Promise.resolve(during)),
  name: "agent-twelve",
  goal: { most: 2.1 },
  ours: `memory of a compiled agent while ${COMMANDS} commands run`,
};

/** Memory that stays with an agent after twelve commands. */
export const agentAfterTwelve: Pair = {
  ...pairOf(settledMemory),
  name: "agent-after-twelve",
  goal: { most: 1.85 },
  ours: `memory of an idle compiled agent after ${COMMANDS} commands at once`,
};

/** Compares the memory that `look` returns after the commands. It gets the memory while they ran, in megabytes. */
function pairOf(
  look: (agent: Daemon, during: number) => Promise<number>,
): Pick<Pair, "unit" | "beside" | "open"> {
  return {
    unit: "MB",
    beside: "memory of a compiled program that only holds one TLS connection",
    open: () => open(look),
  };
}

async function open(
  look: (agent: Daemon, during: number) => Promise<number>,
): Promise<OpenPair | LeftOut> {
  const both = await AgentAndHolder.prepare();
  if ("leftOut" in both) return both;
  const { control } = both.manager;
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
      const during = await memoryOf(agent);
      await watchAll(
        control,
        started.flatMap((answer) => answer.commands),
      );
      return await look(agent, during);
    },
    beside: () => both.heldMemory(),
    [Symbol.asyncDispose]: () => both[Symbol.asyncDispose](),
  };
}
