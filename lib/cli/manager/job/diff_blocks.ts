import type { Sink } from "../../terminal.ts";
import { concat } from "@std/bytes/concat";
import type { BlockPrinter } from "./blocks.ts";
import type { Bodies } from "./bodies.ts";
import type { JobBoard } from "./board.ts";
import { diffLines } from "./body_diff.ts";
import { groupsOf, type OutputGroup } from "./groups.ts";
import { LimitedSink } from "./limited_sink.ts";

/** Most bytes of an output that is compared with another. */
const MAX_BYTES = 1_048_576;

/** Prints the largest group whole, and of the others the lines that differ from it. */
export async function printDiff(
  board: JobBoard,
  { bodies, printer, stdout, lines, onlyFailed }: {
    readonly bodies: Bodies;
    readonly printer: BlockPrinter;
    readonly stdout: Sink;
    readonly lines: number;
    readonly onlyFailed: boolean;
  },
): Promise<void> {
  const groups = groupsOf(board.entries);
  const largest =
    groups.toSorted((one, other) =>
      other.entries.length - one.entries.length
    )[0];
  if (largest === undefined) return;
  const others = groups.filter((group) =>
    group !== largest && !(onlyFailed && group.succeeded)
  );
  let reference: readonly string[] | undefined;
  for await (const { group, read } of bodies.of([largest, ...others])) {
    await printer.printHead(group, board);
    const kept = new KeptBody();
    await printer.renderBody(kept, read);
    const differing = group === largest || kept.hasMore
      ? undefined
      : diffOf(reference, kept.lines);
    if (group === largest) reference = kept.hasMore ? undefined : kept.lines;
    if (differing === undefined) await printer.printBody(group, read);
    else await printLines(differing, group, { stdout, lines });
  }
}

function diffOf(
  reference: readonly string[] | undefined,
  lines: readonly string[],
): string[] | undefined {
  return reference === undefined ? undefined : diffLines(reference, lines);
}

async function printLines(
  text: readonly string[],
  { entries: [first] }: OutputGroup,
  { stdout, lines }: { stdout: Sink; lines: number },
): Promise<void> {
  const sink = new LimitedSink(stdout, lines);
  await sink.write(text.map((line) => `${line}\n`).join(""));
  if (sink.hasMore) {
    await stdout.write(
      `  … more: piri-manager show ${first.commandId} --output\n`,
    );
  }
}

/** Keeps a body as lines, up to a limit. */
class KeptBody implements Sink {
  readonly isTerminal = true;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  get hasMore(): boolean {
    return this.#bytes > MAX_BYTES;
  }

  get lines(): string[] {
    const text = new TextDecoder().decode(concat(this.#chunks));
    return text === "" ? [] : text.replace(/\n$/, "").split("\n");
  }

  write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === "string"
      ? new TextEncoder().encode(data)
      : data.slice();
    this.#bytes += bytes.length;
    if (!this.hasMore) this.#chunks.push(bytes);
    return Promise.resolve();
  }
}
