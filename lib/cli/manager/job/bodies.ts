import type { JobEntry } from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { codeOf, Disconnected, messageOf } from "../../../base/errors.ts";
import { HintedError } from "../../errors.ts";
import type { RetryingClient } from "../retrying_client.ts";
import type { StreamPosition } from "../view.ts";
import type { OutputGroup } from "./groups.ts";
import { type NewOutput, OutputOffsets } from "./output_offsets.ts";
import { StreamEnd } from "./stream_end.ts";

/** Largest output that is fetched together with that of others, in bytes. */
const MAX_SMALL_BYTES = 65_536n;

/** Most bytes and groups that are fetched together. */
const MAX_BATCH_BYTES = 1_048_576n;
const MAX_BATCH = 64;

/** Shows an output. It says with `true` that it has enough. */
export interface BodyReader {
  piece(piece: StreamPosition & { bytes: Uint8Array }): Promise<boolean>;
  cut(position: StreamPosition, length: bigint): Promise<void>;
}

/** Fetches the output of groups, each from one of its agents. Small ones come together, large ones piece by piece. */
export class Bodies {
  readonly #client: RetryingClient;
  readonly #signal: AbortSignal;

  constructor(client: RetryingClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  /** Groups in their order, each with the function that reads its output. */
  async *of(
    groups: readonly OutputGroup[],
  ): AsyncGenerator<
    { group: OutputGroup; read: (reader: BodyReader) => Promise<void> }
  > {
    for (const batch of batchesOf(groups)) {
      const [first] = batch;
      if (first === undefined) continue;
      if (batch.length === 1) {
        yield {
          group: first,
          read: (reader) => this.#stream(first.entries[0], reader),
        };
        continue;
      }
      const bodies = await this.#fetch(batch.map(({ entries }) => entries[0]));
      for (const group of batch) {
        const body = bodies.get(group.entries[0].commandId ?? 0n) ?? [];
        yield { group, read: (reader) => replay(body, reader) };
      }
    }
  }

  async #stream(entry: JobEntry, reader: BodyReader): Promise<void> {
    if (sizeOf(entry) === 0n) return;
    const enough = new AbortController();
    await this.#watch([entry], async (_id, output) => {
      if (enough.signal.aborted) return true;
      if (await show(output, reader)) enough.abort();
      return enough.signal.aborted;
    });
  }

  async #fetch(
    entries: readonly JobEntry[],
  ): Promise<Map<bigint, NewOutput[]>> {
    const bodies = new Map<bigint, NewOutput[]>();
    const printing = entries.filter((entry) => sizeOf(entry) > 0n);
    for (const { commandId = 0n } of printing) bodies.set(commandId, []);
    await this.#watch(printing, (id, output) => {
      bodies.get(id)?.push(output);
      return Promise.resolve(false);
    });
    return bodies;
  }

  /** Tells all output of ended commands, until `take` says that it is enough. */
  async #watch(
    entries: readonly JobEntry[],
    take: (id: bigint, output: NewOutput) => Promise<boolean>,
  ): Promise<void> {
    if (entries.length === 0) return;
    const offsets = new OutputOffsets();
    for (const { commandId = 0n } of entries) offsets.begin(commandId);
    await this.#client.call(async (control, { signal, alive }) => {
      using end = new StreamEnd(signal);
      try {
        const events = control.commands.watch(
          { commands: offsets.places },
          { signal: end.signal },
        );
        for await (const { commandId, event } of events) {
          alive();
          if (event.case !== "output") continue;
          if (await take(commandId, offsets.take(commandId, event.value))) {
            return;
          }
        }
      } catch (error) {
        throw codeOf(error) === "UNAVAILABLE"
          ? new Disconnected(messageOf(error), { cause: error })
          : error;
      }
    }, {
      signal: this.#signal,
      failure: (fact) =>
        new HintedError(
          "UNAVAILABLE",
          `Cannot show the output of "${entries[0]?.agent}": ${fact}`,
          `piri-manager show ${entries[0]?.commandId} --output`,
        ),
    });
  }
}

async function replay(
  body: readonly NewOutput[],
  reader: BodyReader,
): Promise<void> {
  for (const output of body) if (await show(output, reader)) return;
}

async function show(
  { cut, piece }: NewOutput,
  reader: BodyReader,
): Promise<boolean> {
  if (cut !== undefined) await reader.cut(cut.position, cut.length);
  return piece !== undefined && await reader.piece(piece);
}

/** Neighbours that are fetched together. */
function batchesOf(groups: readonly OutputGroup[]): OutputGroup[][] {
  const batches: OutputGroup[][] = [];
  let room = 0n;
  for (const group of groups) {
    const size = sizeOf(group.entries[0]);
    const batch = batches.at(-1);
    const fits = batch !== undefined && batch.length < MAX_BATCH &&
      size <= MAX_SMALL_BYTES && size <= room;
    if (fits) batch.push(group);
    else {
      batches.push([group]);
      room = size <= MAX_SMALL_BYTES ? MAX_BATCH_BYTES : 0n;
    }
    room -= size;
  }
  return batches;
}

function sizeOf({ stdoutBytes, stderrBytes }: JobEntry): bigint {
  return stdoutBytes + stderrBytes;
}
