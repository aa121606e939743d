import {
  CommandResult_Status,
  createCommand,
  createCommandProgress,
  createCommandResult,
} from "../proto/gen/piri/agent/v1/agent_messages.ts";
import { HEADER_BYTES } from "../lib/wire/frame.ts";
import { type Body, encodeMessage } from "../lib/wire/message.ts";
import { fromSource } from "../scripts/local/programs.ts";
import { LoadFleet } from "./load_fleet.ts";
import { LocalManager } from "./local_manager.ts";
import { NoOps } from "./no_ops.ts";
import { NOT_QUICK, type OpenPair, type Pair } from "./pair.ts";
import { RawPair } from "./raw_pair.ts";
import { withCommas } from "./table.ts";
import { WrittenBytes } from "./written_bytes.ts";

/** Number of commands in one measurement. */
const COMMANDS = 30_000;

/** Number of round trips of raw messages in one measurement. They take about as long as the commands. */
const ROUND_TRIPS = 100_000;

/** A command without work, to all agents: recorded, sent, answered, recorded, acknowledged. */
export const fanOut: Pair = pairOf("fan-out", 1_000, { least: 0.33 });

/** The fan-out to as many agents as one Manager is meant to carry. */
export const fanOut10k: Pair = notQuick(
  pairOf("fan-out-10k", 10_000, { least: 0.4 }),
);

function notQuick(pair: Pair): Pair {
  return {
    ...pair,
    async open(size) {
      return size === "quick" ? NOT_QUICK : await pair.open(size);
    },
  };
}

function pairOf(name: string, agents: number, goal: Pair["goal"]): Pair {
  return {
    name,
    unit: "commands/s",
    goal,
    ours: `a no-op command, recorded durably, to ${
      withCommas(agents)
    } agents; each answers with a result`,
    beside: `echo of frames of the same sizes on ${
      withCommas(agents)
    } raw TLS connections, round trips/s`,
    async open(): Promise<OpenPair> {
      await using undo = new AsyncDisposableStack();
      const manager = undo.use(await LocalManager.start(fromSource));
      const load = undo.use(await LoadFleet.start(manager.dir, agents));
      await load.connect();
      const commands = new NoOps(manager, load);
      const raw = undo.use(
        await RawPair.start(manager.dir, {
          ...answeredCommandBytes(),
          connections: agents,
        }),
      );
      await raw.connect(agents);
      const written = new WrittenBytes();
      const opened = undo.move();
      return {
        async ours() {
          const { pid } = manager.daemon;
          return COMMANDS / await written.during(
            pid,
            COMMANDS,
            () => commands.run(COMMANDS / agents),
          );
        },
        async beside() {
          return Number(await raw.server.ask("echo", ROUND_TRIPS / agents));
        },
        notes: () => written.notes("a command"),
        [Symbol.asyncDispose]: () => opened.disposeAsync(),
      };
    },
  };
}

/** Counts the bytes of a command, and of the two messages that answer it, with their frames. */
export function answeredCommandBytes(): { sent: number; returned: number } {
  const commandId = 10_000n;
  const at = BigInt(1_800_000_000_000);
  return {
    sent: frameBytes({
      case: "command",
      value: createCommand({
        commandId,
        type: "echo.Echo",
        data: JSON.stringify({ text: "x" }),
        nonce: 1n << 63n,
      }),
    }),
    returned: frameBytes({
      case: "progress",
      value: createCommandProgress({ commandId, total: 1 }),
    }) + frameBytes({
      case: "result",
      value: createCommandResult({
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
