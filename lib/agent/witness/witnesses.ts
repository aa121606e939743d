import { type Checkpoint, isCheckpointSigned } from "../../base/checkpoint.ts";
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../../base/counters.ts";
import { messageOf } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { sameHash } from "../../base/secret.ts";
import { Turns } from "../../base/turns.ts";
import {
  type Contradiction,
  decodeTestimony,
  encodeTestimony,
  type KeptCheckpoint,
  type Testimony,
} from "./witness_file.ts";

const log = logger("agent", "witness");

/** File in the state folder with what is kept. */
export const WITNESS_FILE = "witnesses.json";

/** Checkpoints of one Manager that are kept, a count. */
export const MAX_WITNESSES = 32;

/** Checkpoints of earlier Managers that are kept, a count. */
const MAX_OTHERS = 32;

/** Contradictions that are kept, a count: the newest. */
const MAX_CONTRADICTIONS = 8;

const NOTHING: Testimony = { witnesses: [], contradictions: [] };

/** The file with what is kept. */
export interface TestimonyFile {
  /** Text of the file; undefined if there is none. */
  read(): Promise<string | undefined>;
  /** Replaces the file, atomically. */
  write(text: string): Promise<void>;
}

/** Manager that told a checkpoint. */
export interface Teller {
  readonly managerId: string;
  /** Key that it has proven on this connection; undefined if it has proven none. */
  readonly key: Uint8Array | undefined;
}

/** Parts that witnesses need. */
export interface WitnessesOptions {
  readonly file: TestimonyFile;
  readonly clock: Pick<Clock, "now">;
  /** Counts the checkpoints that are dropped. */
  readonly counters: Counters;
}

/**
 * Keeps checkpoints of the Manager's audit, so that the agent is a witness of it. All of the newest are kept, and fewer
 * of the older ones. What contradicts a kept one never takes its place.
 */
export class Witnesses {
  readonly #options: WitnessesOptions;
  readonly #turns = new Turns();
  #kept: Testimony | undefined;

  constructor(options: WitnessesOptions) {
    this.#options = options;
  }

  /**
   * Keeps a checkpoint that a Manager tells. One that is wrong is dropped. Returns the contradiction if it
   * cannot be true beside a kept one, and that was not noticed before. Never rejects.
   */
  hear(told: Checkpoint, by: Teller): Promise<Contradiction | undefined> {
    return this.#turns.run(async () => {
      const refusal = refusalOf(told, by);
      if (refusal !== undefined) {
        this.#options.counters.add("checkpoints_dropped");
        log.warning(
          "A checkpoint of the Manager's audit is dropped: {reason}",
          {
            reason: refusal,
          },
        );
        return undefined;
      }
      try {
        return await this.#take({ ...told, managerId: by.managerId });
      } catch (error) {
        log.warning("Cannot keep a checkpoint of the audit: {error}", {
          error: messageOf(error),
        });
        return undefined;
      }
    });
  }

  async #take(told: KeptCheckpoint): Promise<Contradiction | undefined> {
    const { file, clock } = this.#options;
    const before = this.#kept ?? await this.#read();
    this.#kept = before;
    const own = before.witnesses.filter(isOf(told));
    const kept = own.find((each) => contradicts(told, each));
    if (kept !== undefined) {
      log.error("{text}", { text: contradictionText(kept, told) });
      if (before.contradictions.some((each) => isSame(each.told, told))) {
        return undefined;
      }
      const noticed = { noticedAt: Math.trunc(clock.now()), kept, told };
      const after = { ...before, contradictions: newest(before, noticed) };
      await file.write(encodeTestimony(after));
      this.#kept = after;
      return noticed;
    }
    // The same state, signed again or told again, adds nothing.
    if (own.some(({ count }) => count === told.count)) return undefined;
    const others = before.witnesses.filter((each) => !isOf(told)(each))
      .slice(-MAX_OTHERS);
    const after = {
      ...before,
      witnesses: [...others, ...thinned([...own, told], MAX_WITNESSES)],
    };
    await file.write(encodeTestimony(after));
    this.#kept = after;
    return undefined;
  }

  async #read(): Promise<Testimony> {
    const text = await this.#options.file.read();
    if (text === undefined) return NOTHING;
    const kept = decodeTestimony(text);
    if (kept !== undefined) return kept;
    log.error(
      "The checkpoints of the Manager's audit cannot be read, and are collected anew",
    );
    return NOTHING;
  }
}

function refusalOf(told: Checkpoint, by: Teller): string | undefined {
  if (by.key === undefined) return "the Manager has proven no key";
  if (!sameHash(told.key, by.key)) {
    return "it is signed by another key than the Manager's";
  }
  return isCheckpointSigned(told, { ...by, kind: "checkpoint" })
    ? undefined
    : "its signature is wrong";
}

/** True if the audit cannot have been both, one after the other: it only ever grows. */
function contradicts(told: Checkpoint, kept: Checkpoint): boolean {
  return told.count < kept.count ||
    (told.count === kept.count && !sameHash(told.hash, kept.hash));
}

function contradictionText(kept: Checkpoint, told: Checkpoint): string {
  const of = ({ count, at }: Checkpoint) =>
    `${count} entries at ${new Date(at).toISOString()}`;
  return told.count === kept.count
    ? `the Manager's audit was made again: it is not the one with ${of(kept)}`
    : `the Manager's audit was cut: it had ${of(kept)}, and is told to have ${
      of(told)
    }`;
}

function newest(
  { contradictions }: Testimony,
  last: Contradiction,
): Contradiction[] {
  return [...contradictions, last].slice(-MAX_CONTRADICTIONS);
}

function isOf(
  { managerId }: KeptCheckpoint,
): (each: KeptCheckpoint) => boolean {
  return (each) => each.managerId === managerId;
}

function isSame(one: KeptCheckpoint, other: KeptCheckpoint): boolean {
  return one.managerId === other.managerId && one.count === other.count &&
    sameHash(one.hash, other.hash);
}

/**
 * Checkpoints in the order of their counts, at most `most` of them, with the first and the newest. Those whose neighbours
 * are closest for their age go first.
 */
export function thinned<C extends Checkpoint>(
  checkpoints: readonly C[],
  most: number,
): C[] {
  const left = checkpoints.toSorted((one, other) =>
    one.count < other.count ? -1 : 1
  );
  while (left.length > most) {
    const end = left.at(-1)?.at ?? 0;
    const room = left.map(({ at }, index) => {
      const before = left[index - 1];
      const after = left[index + 1];
      if (before === undefined || after === undefined) return Infinity;
      return Math.max(0, after.at - before.at) / Math.max(1, end - at);
    });
    left.splice(room.indexOf(Math.min(...room)), 1);
  }
  return left;
}
