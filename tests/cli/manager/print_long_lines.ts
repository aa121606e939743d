// A program that shows one long line of each of two agents, then reports on its standard error by how much its memory
// grew.
import { create } from "@bufbuild/protobuf";
import { CommandSchema } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { LiveView } from "../../../lib/cli/manager/live_view.ts";
import { systemTerminal } from "../../../lib/cli/terminal.ts";

/** Size of a piece of output, as agents send it. */
const PIECE_BYTES = 65_536;

/** Pieces of a line: 60 MB. */
const PIECES = 916;

const PERIOD = 23;

/** Bytes that repeat in each line, more than a piece of them. */
const PATTERN = Uint8Array.from(
  { length: PIECE_BYTES + PERIOD },
  (_, index) => 0x61 + index % PERIOD,
);

/** A piece of an agent's line, by the number of the agent. */
function pieceOf(agent: number, index: number): Uint8Array {
  const start = (agent + index) % PERIOD;
  return PATTERN.subarray(start, start + PIECE_BYTES);
}

/** The line of an agent, in pieces, by the number of the agent. */
export function* lineOf(agent: number): Generator<Uint8Array> {
  for (let index = 0; index < PIECES; index++) yield pieceOf(agent, index);
}

/** Time between two collections, in milliseconds: what is measured is to be in use, and no garbage. */
const COLLECT_MS = 100;

async function main(): Promise<void> {
  const collecting = setInterval(collect, COLLECT_MS);
  const terminal = systemTerminal();
  const commands = ["web-1", "web-2"].map((agent, index) =>
    create(CommandSchema, { id: BigInt(index), agent })
  );
  const view = new LiveView(commands, { terminal, style: "lines" });
  const before = Deno.memoryUsage().rss;
  let most = before;
  for (let index = 0; index < PIECES; index++) {
    for (const [agent, command] of commands.entries()) {
      const offset = BigInt(index * PIECE_BYTES);
      const position = { stream: "stdout", offset } as const;
      await view.output(command, position, pieceOf(agent, index), 0);
    }
    most = Math.max(most, Deno.memoryUsage().rss);
  }
  await view.close(commands);
  most = Math.max(most, Deno.memoryUsage().rss);
  clearInterval(collecting);
  await terminal.stderr.write(String(most - before));
}

/** Collects garbage. Needs --v8-flags=--expose-gc. */
function collect(): void {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
}

if (import.meta.main) await main();
