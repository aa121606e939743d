import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { systemClock } from "../../../lib/base/clock.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { Ledger } from "../../../lib/manager/command/ledger.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { CommandRecord, StreamName } from "../../../lib/store/records.ts";
import type { Store } from "../../../lib/store/store.ts";
import { create } from "../../store/support.ts";

const STREAMS: readonly StreamName[] = ["stdout", "stderr"];

/** A piece of an agent's output. */
interface Piece {
  readonly stream: StreamName;
  readonly size: number;
  /** Bytes that are gone for good before it. */
  readonly cut: number;
  /** The Manager starts again before it. */
  readonly restarts: boolean;
}

const pieces: fc.Arbitrary<Piece[]> = fc.array(
  fc.record({
    stream: fc.constantFrom("stdout", "stdout", "stderr"),
    size: fc.oneof(fc.nat(3), fc.nat(40), fc.nat(400)),
    cut: fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(500) },
    ),
    restarts: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  }),
  { maxLength: 40 },
);

/** Byte of a stream at an offset. */
function byteAt(stream: StreamName, offset: number): number {
  return (offset * 7 + (stream === "stdout" ? 0 : 101)) % 251;
}

/** A command with its record, and the bytes that came of each stream. */
class Recorded {
  readonly #store: Store;
  readonly #id: bigint;
  readonly #limit: bigint;
  #ledger: Ledger;
  /** True for each byte of a stream that came. */
  readonly came: Record<StreamName, boolean[]> = { stdout: [], stderr: [] };
  readonly largest: Record<StreamName, number> = { stdout: 0, stderr: 0 };

  constructor(store: Store, record: CommandRecord, limit: bigint) {
    this.#store = store;
    this.#id = record.id;
    this.#limit = limit;
    this.#ledger = new Ledger(record);
  }

  async record(): Promise<CommandRecord> {
    const record = await this.#store.command(this.#id);
    assert(record !== undefined);
    return record;
  }

  /** Records a piece as the Manager does when nobody watches. */
  async take({ stream, size, cut, restarts }: Piece): Promise<void> {
    if (restarts) this.#ledger = new Ledger(await this.record());
    const came = this.came[stream];
    const start = came.length + cut;
    const bytes = new Uint8Array(size)
      .map((_, at) => byteAt(stream, start + at));
    const piece = this.#ledger.take(
      stream,
      { offset: BigInt(start), bytes, cut: BigInt(cut) },
      this.#limit,
    );
    if (piece === undefined) return;
    const { middle, ...rest } = piece;
    await this.#store.appendOutput(this.#id, { ...rest, drop: middle });
    this.#ledger.noteRecorded(stream, BigInt(start + size));
    came.push(...Array(cut).fill(false), ...Array(size).fill(true));
    this.largest[stream] = Math.max(this.largest[stream], size);
  }

  /** Drops what pieces have left, as the Manager does at the end. */
  async end(): Promise<void> {
    for (const stream of STREAMS) {
      const middle = this.#ledger.middle(stream);
      if (middle === undefined) continue;
      await this.#store.dropOutput(this.#id, { stream, ...middle });
    }
  }

  /** True for each byte of a stream that is kept. Each is what was printed there, and none is there twice. */
  async kept(stream: StreamName): Promise<boolean[]> {
    const kept: boolean[] = [];
    const stored = await this.#store.readOutput(this.#id, {
      stream,
      offset: 0n,
      limit: 1e9,
    });
    for (const { offset, bytes, cut } of stored) {
      assert(Number(offset - cut) >= kept.length, "in order, and told once");
      while (kept.length < Number(offset)) kept.push(false);
      bytes.forEach((byte) => {
        assertEquals(byte, byteAt(stream, kept.length));
        kept.push(true);
      });
    }
    return kept;
  }
}

Deno.test("both ends of each stream are kept exactly, whatever the sizes of pieces and limits", async () => {
  await using store = await openStore(":memory:", {
    clock: systemClock,
    random: systemRandom,
  });
  await fc.assert(
    fc.asyncProperty(
      pieces,
      fc.integer({ min: 4, max: 2_000 }),
      async (all, limit) => {
        const id = await create(store);
        const record = await store.command(id);
        assert(record !== undefined);
        const command = new Recorded(store, record, BigInt(limit));
        for (const piece of all) await command.take(piece);
        await command.end();

        const quarter = Math.floor(limit / 4);
        let sum = 0;
        for (const stream of STREAMS) {
          const came = command.came[stream];
          const kept = await command.kept(stream);
          const end = came.length - quarter;
          // A piece that has some of the end is kept whole.
          const spare = end - command.largest[stream];
          const wrong = came.flatMap((has, at) => {
            const isOfAnEnd = at < quarter || at >= end;
            const isKept = kept[at] ?? false;
            const isWrong = isOfAnEnd ? isKept !== has : isKept && at <= spare;
            return isWrong ? [at] : [];
          });
          assertEquals(wrong, []);
          sum += kept.filter((is) => is).length;
        }
        const { outputKept, truncated, stdoutHeld, stderrHeld } = await command
          .record();
        assertEquals(Number(outputKept), sum);
        assertEquals(Number(stdoutHeld), command.came.stdout.length);
        assertEquals(truncated, stdoutHeld + stderrHeld > outputKept);
      },
    ),
    { numRuns: 300 },
  );
});
