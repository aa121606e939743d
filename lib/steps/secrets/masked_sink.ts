import type { Clock } from "../../base/clock.ts";
import {
  MaskedOutput,
  type StreamName,
} from "../../base/masking/masked_output.ts";
import type { RunRecord } from "../engine/records.ts";
import type { RunSink } from "../engine/run_means.ts";
import type { Change } from "../step_operation.ts";

/** Receiver of a run's records that takes the secrets out of them, also out of output that comes in pieces. */
export class MaskedSink implements RunSink {
  /** Masks of the secrets that are known. */
  readonly masks: MaskedOutput;
  readonly #inner: RunSink;
  readonly #decoders = new Map<StreamName, TextDecoder>();
  /** Step that has printed last. */
  #step = 0;

  constructor(inner: RunSink, clock: Clock) {
    this.#inner = inner;
    this.masks = new MaskedOutput(clock, async (stream, bytes) => {
      const decoder = this.#decoders.get(stream) ?? new TextDecoder();
      this.#decoders.set(stream, decoder);
      const text = decoder.decode(bytes, { stream: true });
      if (text === "") return;
      await inner.record({ kind: "output", step: this.#step, stream, text });
    });
  }

  async record(record: RunRecord): Promise<void> {
    if (this.masks.isIdle) return await this.#inner.record(record);
    if (record.kind !== "output") {
      // The bytes that are held back belong to the step before.
      await this.masks.end();
      return await this.#inner.record(maskedRecord(record, this.masks));
    }
    this.#step = record.step;
    const bytes = new TextEncoder().encode(record.text);
    await this.masks.write(record.stream, bytes);
  }

  progress(done: number, all: number, step: string): void {
    this.#inner.progress(done, all, step);
  }
}

/** A record without secrets. Names come from the sheet, which has none. */
function maskedRecord(record: RunRecord, masks: MaskedOutput): RunRecord {
  const text = (each: string) => masks.text(each);
  const changes = (all: readonly Change[]) =>
    all.map(({ what, lines, ...texts }): Change => ({
      what: text(what),
      ...lines === undefined ? {} : { lines },
      ...Object.fromEntries(
        Object.entries(texts).map(([key, value]) => [key, text(value)]),
      ),
    }));
  switch (record.kind) {
    case "step": {
      const { reason, error } = record;
      return {
        ...record,
        changes: changes(record.changes),
        ...reason === undefined ? {} : { reason: text(reason) },
        ...error === undefined
          ? {}
          : { error: { ...error, message: text(error.message) } },
      };
    }
    case "moved": {
      const { planned, found } = record;
      return {
        ...record,
        planned: { ...planned, changes: changes(planned.changes ?? []) },
        found: { ...found, changes: changes(found.changes ?? []) },
      };
    }
    case "note":
      return { ...record, text: text(record.text) };
    case "end":
      return { ...record, message: text(record.message) };
    default:
      return record;
  }
}
