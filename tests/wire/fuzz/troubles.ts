import { configure, type LogRecord, reset } from "@logtape/logtape";

/** Hidden errors: rejections that nobody waits for, and errors that the program itself reports. */
export class Troubles implements AsyncDisposable {
  readonly #seen: string[] = [];
  readonly #note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    const { reason } = event;
    this.#seen.push(
      `no rejection is unhandled: ${
        reason instanceof Error ? reason.stack : reason
      }`,
    );
  };

  /** Starts to watch this program. */
  static async watch(): Promise<Troubles> {
    const troubles = new Troubles();
    globalThis.addEventListener("unhandledrejection", troubles.#note);
    await configure({
      reset: true,
      sinks: { troubles: (record: LogRecord) => troubles.#hear(record) },
      loggers: [
        { category: ["piri"], lowestLevel: "error", sinks: ["troubles"] },
        { category: ["logtape"], lowestLevel: "fatal", sinks: [] },
      ],
    });
    return troubles;
  }

  /** Takes the first error since the last call. */
  take(): string | undefined {
    return this.#seen.splice(0)[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    globalThis.removeEventListener("unhandledrejection", this.#note);
    await reset();
  }

  #hear({ message, category }: LogRecord): void {
    const parts = message.map((part) =>
      part instanceof Error ? part.message : String(part)
    );
    this.#seen.push(
      `nothing is logged as an error: ${category.join(".")}: ${parts.join("")}`,
    );
  }
}
