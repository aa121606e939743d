import type { Clock, Timer } from "../clock.ts";
import { Limits } from "../limits.ts";
import { Masker, MaskTable } from "./masker.ts";
import { formsOf } from "./secret_forms.ts";
import type { Sealed } from "../sealed.ts";
import { Turns } from "../turns.ts";

/** Output stream of a program. */
export type StreamName = "stdout" | "stderr";

/** Longest time that bytes are held back because they may begin a secret, in milliseconds. */
export const HOLD_MS = 2_000;

/** Takes a piece of output that may be seen. */
export type Emit = (
  stream: StreamName,
  bytes: Uint8Array<ArrayBuffer>,
) => Promise<void>;

interface Stream {
  readonly masker: Masker;
  timer: Timer | undefined;
}

/** Output and words of an operation, with the secrets that it was given replaced by "***". */
export class MaskedOutput {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #turns = new Turns();
  readonly #forms: Uint8Array[] = [];
  readonly #streams = new Map<StreamName, Stream>();
  #table: MaskTable | undefined;
  #count = 0;

  constructor(clock: Clock, emit: Emit) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Masks a secret from now on. */
  add(secret: Sealed): void {
    this.#forms.push(...formsOf(secret.open()));
    this.#table = new MaskTable(this.#forms);
  }

  /** True until it has a secret to mask. */
  get isIdle(): boolean {
    return this.#table === undefined;
  }

  /** Number of places that were masked. */
  get count(): number {
    let count = this.#count;
    for (const { masker } of this.#streams.values()) count += masker.count;
    return count;
  }

  /** Passes output on, or holds a part back until more of it comes, for at most 2 s. */
  write(stream: StreamName, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const table = this.#table;
    if (table === undefined) return this.#emit(stream, bytes);
    return this.#turns.run(async () => {
      const { masker, timer } = await this.#streamOf(stream, table);
      timer?.cancel();
      await this.#pass(stream, masker.push(bytes));
      this.#wait(stream);
    });
  }

  /** Passes on what is held back. */
  end(): Promise<void> {
    return this.#turns.run(async () => {
      for (const stream of this.#streams.keys()) await this.#flush(stream);
    });
  }

  /** Masks a text for people. */
  text(text: string): string {
    if (this.#table === undefined) return text;
    const masker = new Masker(this.#table);
    const encoded = new TextEncoder().encode(text);
    const pieces = [masker.push(encoded), masker.flush()];
    this.#count += masker.count;
    const decoder = new TextDecoder();
    return pieces.map((piece) => decoder.decode(piece, { stream: true }))
      .join("");
  }

  /** Masks all texts in a value that is like JSON. */
  value(value: unknown): unknown {
    if (this.#table === undefined) return value;
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((each) => this.value(each));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .map(([key, each]) => [this.text(key), this.value(each)]),
    );
  }

  /** Stream that masks all secrets that are known now. */
  async #streamOf(name: StreamName, table: MaskTable): Promise<Stream> {
    const known = this.#streams.get(name);
    if (known?.masker.table === table) return known;
    if (known !== undefined) {
      await this.#flush(name);
      this.#count += known.masker.count;
    }
    const stream = { masker: new Masker(table), timer: undefined };
    this.#streams.set(name, stream);
    return stream;
  }

  #wait(name: StreamName): void {
    const stream = this.#streams.get(name);
    if (stream?.masker.isHolding !== true) return;
    stream.timer = this.#clock.timer(HOLD_MS, () => {
      void this.#turns.run(() => this.#flush(name));
    });
  }

  async #flush(name: StreamName): Promise<void> {
    const stream = this.#streams.get(name);
    if (stream === undefined) return;
    stream.timer?.cancel();
    await this.#pass(name, stream.masker.flush());
  }

  async #pass(
    stream: StreamName,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    if (bytes.length === 0) return;
    if (bytes.length <= Limits.piece) return await this.#emit(stream, bytes);
    for (let at = 0; at < bytes.length; at += Limits.piece) {
      await this.#emit(stream, bytes.slice(at, at + Limits.piece));
    }
  }
}
