import { COMMAND_STATES } from "../../base/command_state.ts";
import { encodeBase64 } from "@std/encoding/base64";
import type {
  Command,
  Progress,
  StorageState,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Terminal } from "../terminal.ts";
import { decodeExactly, joinBytes, unfinishedTail } from "../utf8.ts";
import { isoTime } from "../time.ts";
import { type AskControl, placedJson } from "./command_places.ts";
import { commandJson, writeFailureJson } from "./json.ts";
import { JsonWaits } from "./json_waits.ts";
import { stateName } from "./states.ts";
import { waitOf } from "./waiting_text.ts";
import type { StreamName, StreamPosition, View } from "./view.ts";

const EMPTY = new Uint8Array();

/** Prints one JSON object per event. */
export class JsonView implements View {
  readonly #terminal: Pick<Terminal, "stdout" | "clock">;
  readonly #waits: JsonWaits;
  readonly #ask: AskControl | undefined;
  /** Incomplete characters at the end of each stream, by command and stream. */
  readonly #unfinished = new Map<
    string,
    { position: StreamPosition; bytes: Uint8Array; atMs: number | null }
  >();

  constructor(
    terminal: Pick<Terminal, "stdout" | "clock">,
    /** Finds the places of steps that failed; none are told if absent. */
    ask?: AskControl,
  ) {
    this.#terminal = terminal;
    this.#ask = ask;
    this.#waits = new JsonWaits(terminal.clock, (event) => this.#print(event));
  }

  changed(command: Command): Promise<void> {
    return this.#waits.change(command.id, command, waitOf(command));
  }

  async output(
    command: Command,
    position: StreamPosition,
    bytes: Uint8Array,
    atMs: number | null,
  ): Promise<void> {
    const key = keyOf(command, position.stream);
    const before = this.#unfinished.get(key);
    this.#unfinished.delete(key);
    const from = before?.position ?? position;
    const all = joinBytes(before?.bytes ?? EMPTY, bytes);
    const end = all.length - unfinishedTail(all);
    await this.#piece(command, from, all.subarray(0, end), atMs);
    if (end === all.length) return;
    this.#unfinished.set(key, {
      position: { stream: from.stream, offset: from.offset + BigInt(end) },
      bytes: all.slice(end),
      atMs,
    });
  }

  async cut(
    command: Command,
    position: StreamPosition,
    length: bigint,
  ): Promise<void> {
    await this.#flush(command, position.stream);
    await this.#print({
      event: "cut",
      ...positionJson(command, position),
      bytes: String(length),
    });
  }

  async progress(
    command: Command,
    { current, total, message }: Progress,
  ): Promise<void> {
    await this.#print({
      event: "progress",
      ...idJson(command),
      current,
      total,
      message: message === "" ? null : message,
    });
  }

  async cutOff(command: Command, reason: string): Promise<void> {
    await this.#print({ event: "cut_off", ...idJson(command), reason });
  }

  async settle(command: Command): Promise<void> {
    await this.#flush(command, "stdout");
    await this.#flush(command, "stderr");
  }

  async ended(command: Command): Promise<void> {
    this.#waits.forget(command.id);
    await this.settle(command);
    await this.#print({
      event: "result",
      ...this.#ask === undefined
        ? commandJson(command)
        : await placedJson(command, this.#ask),
    });
  }

  async storage({ failure }: StorageState): Promise<void> {
    await this.#print({
      event: "storage",
      failure: failure === undefined ? null : writeFailureJson(failure),
    });
  }

  note(): Promise<void> {
    return Promise.resolve();
  }

  abandon(): Promise<void> {
    this.#waits.close();
    return Promise.resolve();
  }

  async close(
    commands: readonly Command[],
    exitCode: number,
  ): Promise<void> {
    await this.abandon();
    for (const command of commands) await this.settle(command);
    const states = Object.fromEntries(
      COMMAND_STATES.map((name) => [
        name,
        commands.filter(({ state }) => stateName(state) === name).length,
      ]),
    );
    await this.#print({ event: "summary", states, exitCode });
  }

  async #flush(command: Command, stream: StreamName): Promise<void> {
    const key = keyOf(command, stream);
    const rest = this.#unfinished.get(key);
    this.#unfinished.delete(key);
    if (rest !== undefined) {
      await this.#piece(command, rest.position, rest.bytes, rest.atMs);
    }
  }

  async #piece(
    command: Command,
    position: StreamPosition,
    bytes: Uint8Array,
    atMs: number | null,
  ): Promise<void> {
    if (bytes.length === 0) return;
    const text = decodeExactly(bytes);
    await this.#print({
      event: "output",
      ...positionJson(command, position),
      at: atMs === null ? null : isoTime(atMs),
      ...(text === undefined ? { base64: encodeBase64(bytes) } : { text }),
    });
  }

  async #print(value: unknown): Promise<void> {
    await this.#terminal.stdout.write(`${JSON.stringify(value)}\n`);
  }
}

function keyOf({ id }: Command, stream: StreamName): string {
  return `${id} ${stream}`;
}

function idJson({ id, agent }: Command): { id: string; agent: string } {
  return { id: String(id), agent };
}

function positionJson(
  command: Command,
  { stream, offset }: StreamPosition,
): Record<string, string> {
  return { ...idJson(command), stream, offset: String(offset) };
}
