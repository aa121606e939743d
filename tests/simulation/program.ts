import type { StreamName } from "../../lib/store/records.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** Behaviour of a simulated child, taken from the parameters of its command. */
export interface Program {
  /** Time before it begins, in milliseconds. */
  readonly delayMs: number;
  /** Count of pieces of output, with a pause before each. */
  readonly pieces: number;
  readonly pieceBytes: number;
  readonly everyMs: number;
  /** Time after its last piece, in milliseconds. */
  readonly restMs: number;
  readonly exitCode: number;
  /** Event that ends it early: a request, a kill, or nothing. */
  readonly endsBy: "stop" | "kill" | "nothing";
  /** Time from that event to the end, in milliseconds. */
  readonly dyingMs: number;
  /** True if it requests data from the Manager before it prints. */
  readonly asks: boolean;
}

const ENDLESS_MS = 10 * 3_600_000;

/** Prints for some seconds, piece by piece. */
export const TALKATIVE: Program = {
  delayMs: 0,
  pieces: 60,
  pieceBytes: 300,
  everyMs: 40,
  restMs: 0,
  exitCode: 0,
  endsBy: "stop",
  dyingMs: 0,
  asks: false,
};

/** Prints for two minutes, with long pauses. */
export const LASTING: Program = { ...TALKATIVE, everyMs: 2_000 };

/** Chooses a program for an operator to run. */
export function someProgram(random: SeededRandom): Program {
  const pieces = random.chance(0.3) ? 0 : random.whole(1, 12);
  // Output above the window: the program has to wait for the Manager, or the output is cut.
  const big = random.chance(0.007) ? { pieces: 80, pieceBytes: 65_536 } : {};
  // Time above anybody's patience: it ends because it is cancelled, or not at all.
  const endless = random.chance(0.06) ? someEnd(random) : {};
  return {
    delayMs: random.chance(0.5) ? 0 : random.whole(0, 40),
    pieces,
    pieceBytes: random.pick([1, 40, 700, 700, 5_000]),
    everyMs: random.pick([0, 5, 100, 1_500]),
    restMs: random.pick([0, 10, 500, 8_000]),
    exitCode: random.pick([0, 0, 1, 3]),
    endsBy: random.pick(["stop", "stop", "stop", "kill", "kill", "nothing"]),
    dyingMs: random.whole(0, 300),
    asks: random.chance(0.1),
    ...big,
    ...endless,
  };
}

/** Chooses a program that must end with its link. Many would run longer than any link lasts. */
export function someLeasedProgram(random: SeededRandom): Program {
  return {
    ...someProgram(random),
    ...random.chance(0.4) ? someEnd(random) : {},
  };
}

/** Chooses the way in which an endless program ends. */
function someEnd(
  random: SeededRandom,
): Pick<Program, "restMs" | "endsBy"> {
  return { restMs: ENDLESS_MS, endsBy: random.pick(["stop", "kill"]) };
}

/** Byte that a command prints at an offset of a stream. No other command prints the same there. */
export function expectedBytes(
  nonce: bigint,
  stream: StreamName,
  { offset, length }: { offset: number; length: number },
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const key = (Number(nonce & 0xffffffn) << 1) | (stream === "stdout" ? 0 : 1);
  for (let at = 0; at < length; at++) {
    const place = offset + at;
    bytes[at] = Math.imul(place ^ key, 0x9e3779b1) >>> 24 ^ place;
  }
  return bytes;
}
