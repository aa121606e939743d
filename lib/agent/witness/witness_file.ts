import { decodeHex, encodeHex } from "@std/encoding/hex";
import * as v from "valibot";
import type { Checkpoint } from "../../base/checkpoint.ts";

/** Checkpoint of a Manager that an agent keeps. */
export interface KeptCheckpoint extends Checkpoint {
  /** Id of the Manager's database. */
  readonly managerId: string;
}

/** Two checkpoints of one Manager that cannot both be true. */
export interface Contradiction {
  /** Time at which it was noticed, in milliseconds since 1970, by the clock of the host. */
  readonly noticedAt: number;
  /** Checkpoint that the agent kept. */
  readonly kept: KeptCheckpoint;
  /** Checkpoint that the Manager told later. */
  readonly told: KeptCheckpoint;
}

/** All that an agent keeps about the audits of its Managers. */
export interface Testimony {
  /** Checkpoints, those with fewer entries first. */
  readonly witnesses: readonly KeptCheckpoint[];
  readonly contradictions: readonly Contradiction[];
}

const Hex = v.pipe(
  v.string(),
  v.regex(/^(?:[0-9a-f]{2}){0,64}$/),
  v.transform((text) => decodeHex(text)),
);

const Time = v.pipe(v.number(), v.safeInteger());

const KeptSchema = v.object({
  managerId: v.pipe(v.string(), v.maxLength(100)),
  count: v.pipe(
    v.string(),
    v.regex(/^\d{1,19}$/),
    v.transform((text) => BigInt(text)),
  ),
  hash: Hex,
  at: Time,
  key: Hex,
  signature: Hex,
});

const TestimonySchema = v.object({
  witnesses: v.array(KeptSchema),
  contradictions: v.array(
    v.object({ noticedAt: Time, kept: KeptSchema, told: KeptSchema }),
  ),
});

/** Text of the file. */
export function encodeTestimony(
  { witnesses, contradictions }: Testimony,
): string {
  const value = {
    witnesses: witnesses.map(plain),
    contradictions: contradictions.map(({ noticedAt, kept, told }) => ({
      noticedAt,
      kept: plain(kept),
      told: plain(told),
    })),
  };
  return `${JSON.stringify(value, undefined, 1)}\n`;
}

/** Content of the file; undefined if it is damaged. */
export function decodeTestimony(text: string): Testimony | undefined {
  const read = v.safeParse(
    v.pipe(v.string(), v.parseJson(), TestimonySchema),
    text,
  );
  return read.success ? read.output : undefined;
}

function plain({ managerId, count, hash, at, key, signature }: KeptCheckpoint) {
  return {
    managerId,
    count: String(count),
    hash: encodeHex(hash),
    at,
    key: encodeHex(key),
    signature: encodeHex(signature),
  };
}
