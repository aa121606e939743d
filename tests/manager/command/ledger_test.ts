import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  type FreshPiece,
  Ledger,
  type StreamBytes,
} from "../../../lib/manager/command/ledger.ts";
import type { StreamName } from "../../../lib/store/records.ts";

const NONE = { id: 7n, stdoutHeld: 0n, stderrHeld: 0n, outputKept: 0n };

function ledger(record: Partial<typeof NONE> = {}): Ledger {
  return new Ledger({ ...NONE, ...record });
}

/** Takes in this number of bytes of stdout at an offset. */
function take(
  on: Ledger,
  offset: number,
  size: number,
  { cut = 0, keepBytes = 1_000n }: { cut?: number; keepBytes?: bigint } = {},
): FreshPiece | undefined {
  const bytes = new Uint8Array(size).map((_, at) => offset + at);
  return on.take(
    "stdout",
    { offset: BigInt(offset), bytes, cut: BigInt(cut) },
    keepBytes,
  );
}

Deno.test("a new piece is taken whole", () => {
  const one = ledger();

  assertEquals(take(one, 0, 3), {
    stream: "stdout",
    offset: 0n,
    bytes: new Uint8Array([0, 1, 2]),
    cut: 0n,
    keep: true,
    middle: undefined,
  });
  assertEquals(one.received, { stdout: 3n, stderr: 0n });
  assertEquals(one.recorded, { stdout: 0n, stderr: 0n });
});

Deno.test("take() takes the new part of an overlapping piece only", () => {
  const one = ledger({ stdoutHeld: 2n });

  assertEquals(take(one, 0, 4)?.bytes, new Uint8Array([2, 3]));
  assertEquals(take(one, 1, 3), undefined);
});

Deno.test("a gap is a violation unless it is reported as a cut", () => {
  const one = ledger();

  assertThrows(
    () => take(one, 5, 1, { cut: 4 }),
    PiriError,
    "Cannot record the stdout of command 7: it goes on at byte 5, and 0 were received",
  );
  assertEquals(take(one, 5, 1, { cut: 5 })?.cut, 5n);
  assertEquals(one.received.stdout, 6n);
});

Deno.test("a stream is kept whole up to two quarters of the limit, and then without its middle", () => {
  const one = ledger();
  const middles = [0, 100, 200, 300].map((offset) =>
    take(one, offset, 100, { keepBytes: 800n + 3n })?.middle
  );

  assertEquals(middles, [undefined, undefined, undefined, undefined]);
  assertEquals(take(one, 400, 1, { keepBytes: 803n })?.middle, {
    from: 200n,
    below: 201n,
  });
  assertEquals(take(one, 401, 99, { keepBytes: 803n })?.middle, {
    from: 200n,
    below: 300n,
  });
  assertEquals(one.middle("stdout"), { from: 200n, below: 300n });
  assertEquals(one.middle("stderr"), undefined);
});

Deno.test("the middle of a stream is told from offsets alone, as after a restart", () => {
  const again = ledger({ stdoutHeld: 5_000n, outputKept: 500n });

  assertEquals(take(again, 5_000, 10)?.middle, { from: 250n, below: 4_760n });
});

Deno.test("bytes that are gone for good move the middle as others do", () => {
  const one = ledger();

  assertEquals(take(one, 10_000, 1, { cut: 10_000 })?.middle, {
    from: 250n,
    below: 9_751n,
  });
});

Deno.test("a limit below four bytes keeps nothing", () => {
  const one = ledger();
  const piece = take(one, 0, 9, { keepBytes: 3n });

  assertEquals([piece?.keep, piece?.middle], [false, undefined]);
});

Deno.test("a piece that could not be recorded does not count for the middle", () => {
  const one = ledger();
  take(one, 0, 600);
  one.noteRecorded("stdout", 600n);
  const piece = take(one, 600, 500);
  assert(piece !== undefined);
  one.takeBack(piece);

  assertEquals(one.middle("stdout"), { from: 250n, below: 350n });
});

Deno.test("a piece that could not be recorded is received anew", () => {
  const one = ledger();
  const piece = take(one, 0, 4);
  assert(piece !== undefined);
  one.takeBack(piece);

  assertEquals(one.received.stdout, 0n);
  assertEquals(take(one, 0, 4), piece);
});

Deno.test("an acknowledgement is prompt once 256 KiB are new", () => {
  const one = ledger();
  const prompt = [262_143n, 262_144n, 300_000n, 524_288n].map((end) => {
    one.noteRecorded("stdout", end);
    one.hold("stdout", end);
    return one.acknowledge().isPrompt;
  });

  assertEquals(prompt, [false, true, false, true]);
});

Deno.test("a result closes both streams at its totals", () => {
  const one = ledger();
  take(one, 0, 3);
  one.close({ stdout: 9n, stderr: 2n });

  const totals = { stdout: 9n, stderr: 2n };
  assertEquals([one.received, one.recorded, one.held], [
    totals,
    totals,
    totals,
  ]);
});

/** A step that Manager, store or watchers take with a ledger. */
interface Move {
  readonly kind:
    | "take"
    | "recorded"
    | "failed"
    | "passed"
    | "acknowledge"
    | "close";
  readonly stream: StreamName;
  readonly size: number;
  /** Number of bytes sent again, before the new ones. */
  readonly back: number;
  /** Number of bytes cut, if none are sent again. */
  readonly cut: number;
}

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      "take",
      "take",
      "recorded",
      "failed",
      "passed",
      "acknowledge",
      "close",
    ),
    stream: fc.constantFrom("stdout", "stderr"),
    size: fc.nat(300),
    back: fc.nat(50),
    cut: fc.nat(20),
  }),
  { maxLength: 60 },
);

/** The store and the watchers of one command. They answer requests in order. */
class Game {
  readonly ledger = ledger();
  readonly #asked: FreshPiece[] = [];
  readonly #watched: FreshPiece[] = [];
  /** True after a failure: every later request fails too, until all are answered. */
  #fails = false;

  play({ kind, stream, ...piece }: Move): void {
    switch (kind) {
      case "take":
        return this.#take(stream, piece);
      case "recorded":
        return this.#answer(this.#fails);
      case "failed":
        return this.#answer(true);
      case "passed":
        return this.#pass();
      case "acknowledge":
        return void this.ledger.acknowledge();
      case "close":
        while (this.#asked.length > 0) this.#answer(this.#fails);
        return this.ledger.close(this.ledger.received);
    }
  }

  #take(
    stream: StreamName,
    { size, back, cut }: Pick<Move, "size" | "back" | "cut">,
  ): void {
    // No message of an agent is read between a failure and its next hello.
    if (this.#fails) return;
    const at = this.ledger.received[stream];
    const repeated = BigInt(Math.min(back, Number(at)));
    const skipped = repeated === 0n ? BigInt(cut) : 0n;
    const piece = this.ledger.take(
      stream,
      {
        offset: at - repeated + skipped,
        bytes: new Uint8Array(size),
        cut: skipped,
      },
      5_000n,
    );
    if (piece !== undefined) this.#asked.push(piece);
  }

  #answer(fails: boolean): void {
    const piece = this.#asked.shift();
    if (piece !== undefined && fails) {
      this.#fails = true;
      this.ledger.takeBack(piece);
    } else if (piece !== undefined) {
      const { stream, offset, bytes, middle } = piece;
      const end = offset + BigInt(bytes.length);
      this.ledger.noteRecorded(stream, end);
      if (middle === undefined) this.ledger.hold(stream, end);
      else this.#watched.push(piece);
    }
    if (this.#asked.length === 0) this.#fails = false;
  }

  #pass(): void {
    const piece = this.#watched.shift();
    if (piece === undefined) return;
    const { stream, offset, bytes } = piece;
    this.ledger.hold(stream, offset + BigInt(bytes.length));
  }
}

/** Fails if the counts of a ledger are out of order, or if it holds less than before. */
function assertOrder(one: Ledger, heldBefore: StreamBytes, step: string): void {
  const { acknowledged, held, recorded, received } = one;
  for (const stream of ["stdout", "stderr"] as const) {
    assert(acknowledged[stream] <= held[stream], step);
    assert(held[stream] <= recorded[stream], step);
    assert(recorded[stream] <= received[stream], step);
    assert(heldBefore[stream] <= held[stream], `${step} goes back`);
  }
}

Deno.test("acknowledged <= held <= recorded <= received after any steps", () => {
  fc.assert(
    fc.property(moves, (played) => {
      const game = new Game();
      let before = game.ledger.held;
      for (const move of played) {
        game.play(move);
        assertOrder(game.ledger, before, move.kind);
        before = game.ledger.held;
      }
    }),
    { numRuns: 2_000 },
  );
});

/** Verbs of a ledger, with any offset. */
const VERBS = {
  take: (one, stream, at) => {
    const offset = one.received[stream];
    one.take(stream, { offset, bytes: new Uint8Array(at), cut: 0n }, 100n);
  },
  takeText: (one, _, at) => void one.takeText(new Uint8Array(at)),
  noteRecorded: (one, stream, at) => one.noteRecorded(stream, BigInt(at)),
  hold: (one, stream, at) => one.hold(stream, BigInt(at)),
  takeBack: (one, stream) => one.takeBack({ stream }),
  takeBackAll: (one) => one.takeBackAll(),
  acknowledge: (one) => void one.acknowledge(),
  close: (one, stream, at) =>
    one.close({ ...one.recorded, [stream]: BigInt(at) }),
} as const satisfies Record<
  string,
  (one: Ledger, stream: StreamName, at: number) => void
>;

const calls = fc.array(
  fc.tuple(
    fc.constantFrom(...Object.keys(VERBS) as (keyof typeof VERBS)[]),
    fc.constantFrom<StreamName[]>("stdout", "stderr"),
    fc.nat(500),
  ),
  { maxLength: 40 },
);

Deno.test("a ledger keeps its counts in order, whatever its caller asks for", () => {
  fc.assert(
    fc.property(calls, fc.bigInt(0n, 300n), (asked, stdoutHeld) => {
      const one = ledger({ stdoutHeld });
      let before = one.held;
      for (const [verb, stream, at] of asked) {
        VERBS[verb](one, stream, at);
        assertOrder(one, before, verb);
        before = one.held;
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("a ledger holds no byte that is not recorded", () => {
  const one = ledger();
  take(one, 0, 9);
  one.noteRecorded("stdout", 4n);
  one.hold("stdout", 9n);

  assertEquals(one.held, { stdout: 4n, stderr: 0n });
  assertEquals(one.acknowledge().held, { stdout: 4n, stderr: 0n });
});
