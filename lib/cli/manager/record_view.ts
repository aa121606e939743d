import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { recordOfLine } from "../../steps/engine/records.ts";
import { oneLine } from "../text.ts";
import { recordLines } from "./record_text.ts";
import type { StreamPosition, View } from "./view.ts";

/** Operations whose standard output is records of a run, a JSON line each. */
const OPERATIONS: ReadonlySet<string> = new Set(["state.Plan", "state.Apply"]);

/** A view that shows the records of runs of states as text for people, and all else as the view within it. */
export function readableRecords(view: View): View {
  const runs = new Map<bigint, Records>();
  const recordsOf = ({ id, operation }: Command): Records | undefined => {
    if (!OPERATIONS.has(operation)) return undefined;
    const known = runs.get(id) ?? new Records();
    runs.set(id, known);
    return known;
  };
  const rest = async (command: Command) => {
    const bytes = recordsOf(command)?.rest();
    if (bytes === undefined || bytes.length === 0) return;
    await view.output(command, { stream: "stdout", offset: 0n }, bytes, null);
  };
  return {
    changed: (command) => view.changed(command),
    async output(command, position, bytes, atMs) {
      const records = position.stream === "stdout"
        ? recordsOf(command)
        : undefined;
      const shown = records === undefined ? bytes : records.take(bytes);
      if (shown.length > 0) await view.output(command, position, shown, atMs);
    },
    async cut(command, position: StreamPosition, length) {
      await rest(command);
      await view.cut(command, position, length);
    },
    progress: (command, progress) => view.progress(command, progress),
    cutOff: (command, reason) => view.cutOff(command, reason),
    async settle(command) {
      await rest(command);
      await view.settle(command);
    },
    async ended(command) {
      await rest(command);
      await view.ended(command);
    },
    storage: (state) => view.storage(state),
    note: (text) => view.note(text),
    abandon: () => view.abandon(),
    close: (commands, exitCode) => view.close(commands, exitCode),
  };
}

/** Records of one run, as their bytes come. */
class Records {
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #line = "";
  /** Step under way, if nothing names it yet. */
  #begun = "";

  /** Takes bytes, and returns the text of all records that are whole now. */
  take(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const lines = (this.#line + this.#decoder.decode(bytes, { stream: true }))
      .split("\n");
    this.#line = lines.pop() ?? "";
    return this.#encoder.encode(this.#textOf(lines));
  }

  /** Takes what is left of a line that was cut. */
  rest(): Uint8Array<ArrayBuffer> {
    const lines = this.#line === "" ? [] : [this.#line];
    this.#line = "";
    return this.#encoder.encode(this.#textOf(lines));
  }

  #textOf(lines: readonly string[]): string {
    return lines.flatMap((line) => this.#shown(line))
      .map((line) => `${line}\n`).join("");
  }

  /** Text of a line of records; one that was cut, or that only newer agents know, is shown as it is. */
  #shown(line: string): string[] {
    try {
      const record = recordOfLine(line);
      const heading = record.kind === "output" && this.#begun !== ""
        ? [oneLine(`> ${this.#begun}`)]
        : [];
      this.#begun = record.kind === "begin" ? record.name : "";
      return [...heading, ...recordLines(record) ?? [line]];
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof TypeError)) {
        throw error;
      }
      return [line];
    }
  }
}
