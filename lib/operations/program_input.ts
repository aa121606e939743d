import type { Clock } from "../base/clock.ts";
import { releaseWhole } from "../base/memory.ts";
import { PiriError } from "../base/errors.ts";
import { aborted } from "../base/signals.ts";

/**
 * Standard input of a program: text, or pieces that are read as the program reads them. Each piece has its buffer for
 * itself, and is freed once it is written.
 */
export type ProgramInput =
  | string
  | ((signal: AbortSignal) => AsyncIterable<Uint8Array>);

/** Time between SIGTERM and SIGKILL of a program whose input has failed, in milliseconds. */
const GRACE_MS = 5_000;

/** Feeds the standard input of a program. */
export class Feeder {
  readonly #failed = new AbortController();
  readonly #kill = new AbortController();
  readonly #over: AbortSignal;
  readonly #clock: Clock;
  #error: unknown;
  /** True if the input has ended before it was whole. */
  #isCut = false;

  /** @param over Aborted when the program has ended. */
  constructor(over: AbortSignal, clock: Clock) {
    this.#over = over;
    this.#clock = clock;
  }

  /** Aborted once the input has failed: the program must not take what it has for the whole. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Aborted a while after that. */
  get kill(): AbortSignal {
    return this.#kill.signal;
  }

  /** Feeds the program until it has read everything, has ended, or has closed its input. Never rejects. */
  async feed(
    stdin: WritableStream<Uint8Array<ArrayBuffer>>,
    input: ProgramInput,
  ): Promise<void> {
    const writer = stdin.getWriter();
    // After the end of the program, a process that it left running could hold its input open for ever.
    const leave = () => void writer.abort().catch(() => {});
    this.#over.addEventListener("abort", leave, { once: true });
    try {
      for await (const bytes of this.#piecesOf(input)) {
        await writer.write(bytes as Uint8Array<ArrayBuffer>);
        releaseWhole(bytes);
      }
      await writer.close();
    } catch {
      // The program ended or closed its input before it had read everything, which it may do. But where the input failed or
      // was cancelled, it stays open until the program is ended: its end would look like the whole.
      if (this.#isCut) await aborted(this.#over);
      await writer.abort().catch(() => {});
    } finally {
      this.#over.removeEventListener("abort", leave);
    }
  }

  /**
   * Throws the error of the input if that is why the program has ended.
   *
   * @throws {PiriError} as the input did
   */
  throwIfFailed(program: string): void {
    if (!this.#failed.signal.aborted) return;
    const error = this.#error;
    if (!(error instanceof PiriError)) throw error;
    throw new PiriError(
      error.code,
      `Cannot give "${program}" its whole input, so it was ended: ${error.message}`,
      { cause: error },
    );
  }

  async *#piecesOf(input: ProgramInput): AsyncGenerator<Uint8Array> {
    if (typeof input === "string") {
      yield new TextEncoder().encode(input);
      return;
    }
    try {
      yield* input(this.#over);
    } catch (error) {
      this.#isCut = true;
      if (!this.#over.aborted) this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    this.#error = error;
    this.#failed.abort();
    const timer = this.#clock.timer(GRACE_MS, () => this.#kill.abort());
    this.#over.addEventListener("abort", () => timer.cancel(), {
      once: true,
    });
  }
}
