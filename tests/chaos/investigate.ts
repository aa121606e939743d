import type { Control } from "../../lib/api/client.ts";
import {
  type Command,
  OutputStream,
} from "../../proto/gen/piri/control/v1/control_messages.ts";
import type { Piece } from "./chaos_order.ts";

/** Largest number of records in one answer of the Manager. */
const PAGE = 1_000;

/** Records of the newest commands, down to the one with this id, by the key of their work. */
export async function recordsByKey(
  control: Control,
  keyOf: (command: Command) => string,
  { downTo }: { downTo: bigint },
): Promise<Map<string, Command[]>> {
  const found: Command[] = [];
  let beforeId: bigint | undefined;
  for (;;) {
    const { commands } = await control.commands.listCommands({
      limit: PAGE,
      ...beforeId === undefined ? {} : { beforeId },
    });
    found.push(...commands.filter(({ id }) => id >= downTo));
    const last = commands.at(-1)?.id ?? 0n;
    if (commands.length < PAGE || last < downTo) break;
    beforeId = last;
  }
  return Map.groupBy(found, keyOf);
}

/** Reads all output of an ended command from the Manager. */
export async function outputOf(
  control: Control,
  commandId: bigint,
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  const request = { commands: [{ commandId }] };
  for await (const { event } of control.commands.watch(request)) {
    if (event.case !== "output") continue;
    const { stream, offset, bytes } = event.value;
    pieces.push({
      stream: stream === OutputStream.STDERR ? "stderr" : "stdout",
      offset: Number(offset),
      bytes,
    });
  }
  return pieces;
}

/** Counts how often each line is in a file. */
export async function linesOf(path: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const text = await Deno.readTextFile(path);
  for (const line of text.split("\n")) {
    if (line !== "") counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return counts;
}
