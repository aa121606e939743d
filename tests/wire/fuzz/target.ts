import { bytesOf, cut, type Frame, frameOf, mutate } from "./mutate.ts";
import type { Script } from "./script_transport.ts";
import type { Seeded } from "../../support/seeded.ts";

/** An event on the target's own side in the middle of a conversation. */
export interface Intervention {
  /** Number of the read before which it happens. */
  readonly at: number;
  readonly does: "leaves" | "works";
}

/** One input: the peer's script, and the events on the target's side meanwhile. */
export interface Conversation {
  readonly script: Script;
  readonly interventions: readonly Intervention[];
}

/** Result of an input: the states, messages, ends and counts that it has reached. */
export interface Reached {
  readonly end: string;
  readonly features: ReadonlySet<string>;
}

/** A side of the protocol with all its classes, on which conversations are tried one after the other. */
export interface Target extends AsyncDisposable {
  /** Makes the next conversation, which is plausible up to a point. */
  think(random: Seeded): Conversation;
  /** Runs a conversation, and checks its outcome. @throws {Finding} */
  have(conversation: Conversation): Promise<Reached>;
  /** Checks the final state after all conversations. @throws {Finding} */
  conclude(): Promise<void>;
}

/** A conversation of unchanged bytes, which arrive at once. */
export function plainly(bytes: Uint8Array<ArrayBuffer>): Conversation {
  return {
    script: { chunks: [bytes], ending: "hangs up", reads: true, takes: 65_536 },
    interventions: [],
  };
}

/** Makes an input from a peer's messages. The first `opening` of them usually stay unchanged. */
export function spoil(
  bodies: readonly Uint8Array[],
  opening: number,
  random: Seeded,
): Conversation {
  const frames: Frame[] = bodies.map(frameOf);
  const bytes = random.chance(0.02)
    ? random.bytes(random.pick([1, 4, 5, 100, 70_000]))
    : bytesOf(mutate(frames, opening, random));
  const chunks = cut(
    random.chance(0.05)
      ? bytes.subarray(0, random.below(bytes.length + 1))
      : bytes,
    random,
  );
  const interventions: Intervention[] = [];
  while (random.chance(0.25)) {
    interventions.push({
      at: random.below(chunks.length + 1),
      does: random.pick(["leaves", "works", "works"]),
    });
  }
  return {
    script: {
      chunks,
      ending: random.pick([
        "hangs up",
        "hangs up",
        "hangs up",
        "falls silent",
        "breaks",
      ]),
      reads: random.chance(0.95),
      takes: random.chance(0.9) ? 65_536 : random.pick([1_000, 50]),
    },
    interventions,
  };
}
