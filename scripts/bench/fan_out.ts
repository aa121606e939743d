import { create } from "@bufbuild/protobuf";
import {
  CommandProgressSchema,
  CommandResult_Status,
  CommandResultSchema,
  CommandSchema,
} from "../../proto/gen/piri/agent/v1/agent_pb.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { HEADER_BYTES } from "../../lib/wire/frame.ts";
import { type Body, encodeMessage } from "../../lib/wire/message.ts";
import { fromSource } from "../local/programs.ts";
import { Child } from "./child.ts";
import { LocalManager } from "./local_manager.ts";
import type { OpenPair, Pair } from "./pair.ts";
import { RawPair } from "./raw_pair.ts";
import { runOnAll, succeeded } from "./run_on_all.ts";

/** Commands to each agent in one measurement. */
const RUNS = 3;

/** Messages to each raw connection in one measurement. */
const RAW_RUNS = 10;

/** A command that costs the agents nothing, to all of them: recorded, sent, answered, recorded, acknowledged. */
export const fanOutPair: Pair = pairOf("fan-out", 1_000);

function pairOf(name: string, agents: number): Pair {
  return {
    name,
    unit: "commands/s",
    goal: { least: 0.5 },
    ours:
      `a no-op command, recorded durably, to ${agents} agents; each answers with a result`,
    beside:
      `echo of frames of the same sizes on ${agents} raw TLS connections, round trips/s`,
    async open(): Promise<OpenPair> {
      await using undo = new AsyncDisposableStack();
      const manager = undo.use(await LocalManager.start(fromSource));
      const args = [manager.dir, String(agents)];
      const load = undo.use(await Child.start("./load_child.ts", { args }));
      await load.ask("connect");
      const fanOut = new FanOut(manager, load, agents);
      const raw = undo.use(await RawPair.start(manager.dir, sizes()));
      await raw.connect(agents);
      const opened = undo.move();
      return {
        ours: () => fanOut.measure(),
        beside: async () => Number(await raw.server.ask("echo", RAW_RUNS)),
        [Symbol.asyncDispose]: () => opened.disposeAsync(),
      };
    },
  };
}

/** Asks for commands, and waits until the agents have been told that each result is on the Manager's disk. */
class FanOut {
  readonly #manager: LocalManager;
  readonly #load: Child;
  readonly #agents: number;
  #commands = 0;

  constructor(manager: LocalManager, load: Child, agents: number) {
    this.#manager = manager;
    this.#load = load;
    this.#agents = agents;
  }

  async measure(): Promise<number> {
    const began = systemClock.monotonic();
    for (let run = 0; run < RUNS; run++) {
      await runOnAll(this.#manager.control, "sim-*");
      this.#commands += this.#agents;
      await this.#load.ask("recorded", this.#commands);
    }
    const seconds = (systemClock.monotonic() - began) / 1_000;
    await this.#check();
    return this.#agents * RUNS / seconds;
  }

  async #check(): Promise<void> {
    const { commands } = await this.#manager.control.commands.listCommands({
      limit: this.#agents,
    });
    const count = succeeded(commands);
    if (count === this.#agents) return;
    throw new PiriError(
      "INTERNAL",
      `Cannot measure: ${count} of ${this.#agents} commands succeeded`,
    );
  }
}

/** The bytes of a command, and of the two messages that answer it, with their frames. */
function sizes(): { sent: number; returned: number } {
  const commandId = 10_000n;
  const at = BigInt(1_800_000_000_000);
  return {
    sent: frameBytes({
      case: "command",
      value: create(CommandSchema, {
        commandId,
        type: "echo.Echo",
        data: JSON.stringify({ text: "x" }),
        nonce: 1n << 63n,
      }),
    }),
    returned: frameBytes({
      case: "progress",
      value: create(CommandProgressSchema, { commandId, total: 1 }),
    }) + frameBytes({
      case: "result",
      value: create(CommandResultSchema, {
        commandId,
        status: CommandResult_Status.SUCCESS,
        startedAtMs: at,
        finishedAtMs: at,
      }),
    }),
  };
}

function frameBytes(body: Body): number {
  return HEADER_BYTES + encodeMessage(body).length;
}
