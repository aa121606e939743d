import { bytesOf, cut, type Frame, frameOf, mutate } from "./mutate.ts";
import type { Script } from "./script_transport.ts";
import type { Seeded } from "../../support/seeded.ts";

/** What happens on the target's own side in the middle of a conversation. */
export interface Intervention {
  /** Before the read of this number. */
  readonly at: number;
  readonly does: "leaves" | "works";
}

/** One input: what a peer says, how, and what happens meanwhile. */
export interface Conversation {
  readonly script: Script;
  readonly interventions: readonly Intervention[];
}

/** What an input came to: the states, messages, ends and counts that it has reached. */
export interface Reached {
  readonly end: string;
  readonly features: ReadonlySet<string>;
}

/** A side of the protocol with all that is behind it, which conversations are tried on one after the other. */
export interface Target extends AsyncDisposable {
  /** A conversation to try next, that may make sense up to a point. */
  think(random: Seeded): Conversation;
  /** Has it, and holds the outcome to what must be so. @throws {Finding} */
  have(conversation: Conversation): Promise<Reached>;
  /** What must be so after all of them. @throws {Finding} */
  conclude(): Promise<void>;
}

/** A conversation as it is, but for the way in which its bytes come. */
export function plainly(bytes: Uint8Array<ArrayBuffer>): Conversation {
  return {
    script: { chunks: [bytes], ending: "hangs up", reads: true, takes: 65_536 },
    interventions: [],
  };
}

/** Makes an input of what a peer might say; the first `opening` bodies are left alone as a rule. */
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
