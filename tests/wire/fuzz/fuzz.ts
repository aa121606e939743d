/**
 * The fuzzer: conversations of a peer that lies, errs, stops and starts, with the real classes of either side.
 *
 * Inputs come in batches. A batch is a new target and inputs from one seed, so that a side and a seed replay it.
 *
 * @module
 */
import { AgentTarget } from "./agent_target.ts";
import { Finding } from "./finding.ts";
import { ManagerTarget } from "./manager_target.ts";
import { Seeded } from "../../support/seeded.ts";
import type { Conversation, Reached, Target } from "./target.ts";
import type { Troubles } from "./troubles.ts";

/** Number of inputs to one target. */
export const BATCH = 100;

/** Side whose classes are tested. */
export type Side = "manager" | "agent";

export const SIDES: readonly Side[] = ["manager", "agent"];

/** A failure, and the place to find it again. */
export interface Failure {
  readonly side: Side;
  readonly seed: number;
  /** Number of the input, from 0. */
  readonly input: number;
  readonly error: unknown;
}

/** Result of a batch. */
export interface Batch {
  readonly inputs: number;
  readonly bytes: number;
  readonly features: ReadonlySet<string>;
  readonly failure: Failure | undefined;
}

export function openTarget(side: Side): Promise<Target> {
  return side === "manager" ? ManagerTarget.open() : AgentTarget.open();
}

/** Runs the inputs of a seed, up to the first that fails. */
export async function runBatch(
  side: Side,
  seed: number,
  troubles: Troubles,
): Promise<Batch> {
  const random = new Seeded(seed);
  const features = new Set<string>();
  const target = await openTarget(side);
  let input = 0;
  let bytes = 0;
  let failure: Failure | undefined;
  try {
    while (input < BATCH) {
      const conversation = target.think(random);
      for (const { length } of conversation.script.chunks) bytes += length;
      const reached = await tryOne(target, conversation, troubles);
      for (const feature of reached.features) features.add(feature);
      input++;
    }
    await target.conclude();
    await target[Symbol.asyncDispose]();
  } catch (error) {
    failure = { side, seed, input, error };
  }
  return { inputs: input, bytes, features, failure };
}

/** Runs one conversation. Errors that nobody waits for are findings, too. */
export async function tryOne(
  target: Target,
  conversation: Conversation,
  troubles: Troubles,
): Promise<Reached> {
  const reached = await target.have(conversation);
  const trouble = troubles.take();
  if (trouble !== undefined) throw new Finding(trouble);
  return reached;
}

/** Formats a failure for people, with the command that repeats it. */
export function describe({ side, seed, input, error }: Failure): string {
  const why = error instanceof Finding
    ? `this does not hold: ${error.message}`
    : error instanceof Error
    ? error.stack ?? error.message
    : String(error);
  return `input ${input} of seed ${seed} on the ${side}: ${why}\n` +
    `again: deno task fuzz --side ${side} --seed ${seed} --inputs ${BATCH}`;
}
