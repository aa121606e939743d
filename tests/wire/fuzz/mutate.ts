/**
 * Changes of frames on their way, by chance or by intent.
 *
 * @module
 */
import { concat } from "@std/bytes/concat";
import { mutateFields } from "./fields.ts";
import type { Seeded } from "../../support/seeded.ts";

/** A frame: the length in its header, and the body, whose length may differ. */
export interface Frame {
  readonly length: number;
  readonly body: Uint8Array;
}

/** Makes a correct frame. */
export function frameOf(body: Uint8Array): Frame {
  return { length: body.length, body };
}

/** Bytes of frames, as they go over a connection. */
export function bytesOf(frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  return concat(frames.flatMap(({ length, body }) => {
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, length >>> 0);
    return [header, body];
  }));
}

/** Damages a conversation in a few places, usually from the frame `from` on. */
export function mutate(
  frames: readonly Frame[],
  from: number,
  random: Seeded,
): Frame[] {
  let mutated = [...frames];
  const count = random.pick([0, 1, 1, 1, 2, 3]);
  for (let done = 0; done < count; done++) {
    const first = random.chance(0.85) ? Math.min(from, mutated.length) : 0;
    const index = first + random.below(Math.max(1, mutated.length - first));
    mutated = mutateOne(mutated, index, random);
  }
  return mutated;
}

function mutateOne(
  frames: readonly Frame[],
  index: number,
  random: Seeded,
): Frame[] {
  const before = frames.slice(0, index);
  const victim = frames[index] ?? frameOf(random.bytes(random.below(20)));
  const after = frames.slice(index + 1);
  switch (random.below(11)) {
    case 0:
      return [...before, frameOf(flipped(victim.body, random)), ...after];
    case 1: {
      const body = victim.body.subarray(
        0,
        random.below(victim.body.length + 1),
      );
      return [...before, frameOf(body), ...after];
    }
    case 2: {
      const body = victim.body.subarray(
        0,
        random.below(victim.body.length + 1),
      );
      return [...before, { length: victim.length, body }, ...after];
    }
    case 3:
      return [...before, { ...victim, length: lie(victim, random) }, ...after];
    case 4: {
      const times = random.pick([1, 1, 2, 40]);
      return [
        ...before,
        victim,
        ...new Array<Frame>(times).fill(victim),
        ...after,
      ];
    }
    case 5:
      return [...before, ...after.slice(0, 1), victim, ...after.slice(1)];
    case 6:
      return [...before, ...after];
    case 7:
      return [
        ...before,
        frameOf(random.bytes(random.pick([0, 1, 7, 60, 3_000]))),
        victim,
        ...after,
      ];
    default:
      return [
        ...before,
        frameOf(mutateFields(victim.body, random)),
        ...after,
      ];
  }
}

function flipped(body: Uint8Array, random: Seeded): Uint8Array {
  const copy = body.slice();
  const count = random.pick([1, 1, 1, 2, 8]);
  for (let done = 0; done < count; done++) {
    const at = random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  }
  return copy;
}

function lie({ length }: Frame, random: Seeded): number {
  return random.pick([
    0,
    length - 1,
    length + 1,
    length + random.below(64),
    65_536,
    65_537,
    1_048_576,
    1_048_577,
    2 ** 31,
    2 ** 32 - 1,
  ]);
}

/** Cuts bytes at random places, or not at all. */
export function cut(
  bytes: Uint8Array<ArrayBuffer>,
  random: Seeded,
): Uint8Array<ArrayBuffer>[] {
  const most = random.pick([bytes.length, 65_536, 400, 30, 3]);
  // Very small pieces of a long input would only take time.
  const limit = Math.max(most, Math.ceil(bytes.length / 40), 1);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + (most === bytes.length ? limit : 1 + random.below(limit));
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}
