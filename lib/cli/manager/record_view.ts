import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { recordOfLine, type RunRecord } from "../../steps/engine/records.ts";
import { oneLine } from "../text.ts";
import {
  type FindPlaces,
  mayNameStep,
  reasonWithPlace,
} from "./command_places.ts";
import { recordLines, troubledStep } from "./record_text.ts";
import type { StreamPosition, View } from "./view.ts";

/** Operations whose standard output is records of a run, a JSON line each. */
const OPERATIONS: ReadonlySet<string> = new Set(["state.Plan", "state.Apply"]);

/**
 * A view that shows the records of runs of states as text for people, and all else as the view within it. Steps that
 * failed or moved are shown with their places.
 */
export function readableRecords(view: View, findPlaces: FindPlaces): View {
  const runs = new Map<bigint, Records>();
  const recordsOf = ({ id, operation }: Command): Records | undefined => {
    if (!OPERATIONS.has(operation)) return undefined;
    const known = runs.get(id) ?? new Records();
    runs.set(id, known);
    return known;
  };
  const find = (command: Command) => (steps: readonly string[]) =>
    findPlaces(command, steps);
  const rest = async (command: Command) => {
    const bytes = await recordsOf(command)?.rest(find(command));
    if (bytes === undefined || bytes.length === 0) return;
    await view.output(command, { stream: "stdout", offset: 0n }, bytes, null);
  };
  const placed = async (command: Command): Promise<Command> => {
    const { operation, reason } = command;
    if (!OPERATIONS.has(operation) || !mayNameStep(reason)) return command;
    const places = await findPlaces(command, []);
    return { ...command, reason: reasonWithPlace(reason, places) };
  };
  return {
    changed: (command) => view.changed(command),
    async output(command, position, bytes, atMs) {
      const records = position.stream === "stdout"
        ? recordsOf(command)
        : undefined;
      const shown = records === undefined
        ? bytes
        : await records.take(bytes, find(command));
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
    async close(commands, exitCode) {
      await view.close(await Promise.all(commands.map(placed)), exitCode);
    },
  };
}

/** Finds the places of steps of one run. */
type FindOwn = (
  steps: readonly string[],
) => Promise<ReadonlyMap<string, string>>;

/** Records of one run, as their bytes come. */
class Records {
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #line = "";
  /** Step under way, if nothing names it yet. */
  #begun = "";

  /** Takes bytes, and returns the text of all records that are whole now. */
  async take(
    bytes: Uint8Array,
    find: FindOwn,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const lines = (this.#line + this.#decoder.decode(bytes, { stream: true }))
      .split("\n");
    this.#line = lines.pop() ?? "";
    return this.#encoder.encode(await this.#textOf(lines, find));
  }

  /** Takes what is left of a line that was cut. */
  async rest(find: FindOwn): Promise<Uint8Array<ArrayBuffer>> {
    const lines = this.#line === "" ? [] : [this.#line];
    this.#line = "";
    return this.#encoder.encode(await this.#textOf(lines, find));
  }

  async #textOf(lines: readonly string[], find: FindOwn): Promise<string> {
    const records = lines.map(recordIn);
    const troubled = records.flatMap((record) =>
      record === undefined ? [] : troubledStep(record) ?? []
    );
    const places = troubled.length === 0
      ? new Map<string, string>()
      : await find(troubled);
    return lines.flatMap((line, index) =>
      this.#shown(line, records[index], places)
    ).map((line) => `${line}\n`).join("");
  }

  /** Text of a line of records; one that was cut, or that only newer agents know, is shown as it is. */
  #shown(
    line: string,
    record: RunRecord | undefined,
    places: ReadonlyMap<string, string>,
  ): string[] {
    if (record === undefined) return [line];
    try {
      const heading = record.kind === "output" && this.#begun !== ""
        ? [oneLine(`> ${this.#begun}`)]
        : [];
      this.#begun = record.kind === "begin" ? record.name : "";
      return [...heading, ...recordLines(record, places) ?? [line]];
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return [line];
    }
  }
}

/** Record in a line; undefined in one that has none. */
function recordIn(line: string): RunRecord | undefined {
  try {
    return recordOfLine(line);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) {
      throw error;
    }
    return undefined;
  }
}
