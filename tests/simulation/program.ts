import type { StreamName } from "../../lib/store/records.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** What a simulated child does, as the parameters of its command say it. */
export interface Program {
  /** Before it begins, milliseconds. */
  readonly delayMs: number;
  /** Pieces of output, each after a while. */
  readonly pieces: number;
  readonly pieceBytes: number;
  readonly everyMs: number;
  /** After its last piece, milliseconds. */
  readonly restMs: number;
  readonly exitCode: number;
  /** What makes it end early: being asked, being killed, or nothing. */
  readonly endsBy: "stop" | "kill" | "nothing";
  /** Between being asked and the end, milliseconds. */
  readonly dyingMs: number;
  /** Asks the Manager for data before it prints. */
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

/** Prints for two minutes, now and then. */
export const LASTING: Program = { ...TALKATIVE, everyMs: 2_000 };

/** A program for an operator to run. */
export function someProgram(random: SeededRandom): Program {
  const pieces = random.chance(0.3) ? 0 : random.whole(1, 12);
  // More than may be unacknowledged: it has to wait for the Manager, or to be cut.
  const big = random.chance(0.007) ? { pieces: 80, pieceBytes: 65_536 } : {};
  // Longer than anybody waits: it ends because it is cancelled, or not at all.
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

/** One that is to end with its link: many would go on for longer than any link. */
export function someLeasedProgram(random: SeededRandom): Program {
  return {
    ...someProgram(random),
    ...random.chance(0.4) ? someEnd(random) : {},
  };
}

/** It goes on until it is asked to end. */
function someEnd(
  random: SeededRandom,
): Pick<Program, "restMs" | "endsBy"> {
  return { restMs: ENDLESS_MS, endsBy: random.pick(["stop", "kill"]) };
}

/** The byte that a command prints at a place of a stream: no other command prints the same there. */
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
