import { concat } from "@std/bytes/concat";
import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Clock } from "../../base/clock.ts";
import type { CommandStateName } from "../../base/command_state.ts";
import { asErrorCode, type ErrorCode, PiriError } from "../../base/errors.ts";
import { parseTree, type TreeEntry, type TreeFile } from "../../files/tree.ts";
import type { Terminal } from "../terminal.ts";
import { durationText } from "../time.ts";
import { answered } from "./ids.ts";
import type { OpenReads } from "./open_reads.ts";
import { readCommand } from "./read_command.ts";
import type { RetryingClient } from "./retrying_client.ts";
import { startOn } from "./start_on.ts";
import { stateName } from "./states.ts";
import type { WaitNotes } from "./wait_notes.ts";

/** Most bytes that one command reads: the Manager keeps as much in any case, and nothing of a broken one is lost. */
const BATCH_BYTES = 8 * 1_048_576;

/** Most parts of one command, and most bytes of their names. */
const BATCH_PARTS = 1_000;
const BATCH_NAME_BYTES = 100_000;

/** Part of a file to read. */
export interface FilePart {
  readonly file: TreeFile;
  readonly offset: number;
  readonly length: number;
}

/** Means of reading files of agents. */
export interface RemoteContext {
  readonly client: RetryingClient;
  readonly terminal: Terminal;
  readonly reads: OpenReads;
  readonly waits: WaitNotes;
  /** Time after which the reading of an agent ends; none if absent. */
  readonly limit?: ReadLimit | undefined;
}

/** Limit on all that is read from an agent. */
export class ReadLimit {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #begin: number;

  /** Begins now. */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#begin = clock.monotonic();
  }

  /**
   * Time that is left, in milliseconds: at least 1.
   *
   * @throws {PiriError} TIMED_OUT if none is left
   */
  left(path: string): number {
    const left = this.#begin + this.#timeoutMs - this.#clock.monotonic();
    if (left > 0) return Math.ceil(left);
    throw new PiriError(
      "TIMED_OUT",
      `Cannot get "${path}": it was not read within ${
        durationText(this.#timeoutMs)
      }; what came is kept, and the same command gets the rest`,
    );
  }
}

/** Files of one path on one agent. */
export class RemoteFiles {
  readonly #agent: string;
  readonly #path: string;
  readonly #context: RemoteContext;

  constructor(agent: string, path: string, context: RemoteContext) {
    this.#agent = agent;
    this.#path = path;
    this.#context = context;
  }

  /** Reads the list that a command has printed. Returns it with what the command says about it. */
  async list(
    lister: Command,
  ): Promise<{ entries: TreeEntry[]; note: string }> {
    const { command, pieces } = await this.#read(lister);
    const text = new TextDecoder().decode(concat([...pieces]));
    return { entries: parseTree(text), note: command.reason };
  }

  /** Content of files, one after the other. The next command reads while the bytes of this one are used. */
  async *contents(parts: readonly FilePart[]): AsyncGenerator<Uint8Array> {
    const waiting = batchesOf(parts);
    const next = () => {
      const { value: batch } = waiting.next();
      const reading = batch && this.#readParts(batch);
      // It is awaited in its turn; a failure before that must not count as unhandled.
      reading?.catch(() => {});
      return reading;
    };
    for (let reading = next(); reading !== undefined;) {
      const pieces = await reading;
      reading = next();
      yield* pieces;
    }
  }

  async #readParts(
    batch: readonly FilePart[],
  ): Promise<readonly Uint8Array[]> {
    const { terminal, reads, limit } = this.#context;
    const parts = batch.map(({ file: { name }, offset, length }) => ({
      name,
      offset,
      length,
    }));
    const start = startOn({
      expression: [this.#agent],
      operation: "file.Read",
      params: { path: this.#path, parts },
      timeoutMs: limit?.left(this.#path),
    }, terminal);
    const [command] = await reads.start(start, failure);
    const { pieces, bytes } = await this.#read(
      answered(command, `read "${this.#path}"`),
    );
    const expected = batch.reduce((sum, { length }) => sum + length, 0);
    if (bytes === expected) return pieces;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot read "${this.#path}": ${bytes} of ${expected} bytes came`,
    );
  }

  /** Reads the output of a command that must succeed, and deletes it from the history. */
  async #read(started: Command) {
    const { client, terminal: { clock }, reads, waits } = this.#context;
    const { signal } = reads;
    const { id: commandId } = started;
    const read = await readCommand(started, { client, clock, signal, waits });
    reads.ended(commandId);
    await client.call(
      ({ commands }, { signal }) =>
        commands.dropOutput({ commandId }, { signal }),
      { signal, failure },
    );
    requireSuccess(read.command);
    return read;
  }
}

function requireSuccess(command: Command): void {
  const state = stateName(command.state);
  if (state === "succeeded") return;
  const code = codeOfEnd(state) ?? asErrorCode(command.errorCode) ??
    "FAILED_PRECONDITION";
  throw new PiriError(
    code,
    command.reason ||
      `Cannot read: command ${command.id} is ${state.replace("_", " ")}`,
  );
}

/** Code of an end that says all by itself. */
function codeOfEnd(state: CommandStateName): ErrorCode | undefined {
  switch (state) {
    case "cancelled":
      return "CANCELLED";
    case "timed_out":
      return "TIMED_OUT";
    default:
      return undefined;
  }
}

function failure(fact: string): PiriError {
  return new PiriError("UNAVAILABLE", `Cannot read the files: ${fact}`);
}

/** Parts in groups of what one command reads; a long part is divided. */
function* batchesOf(parts: readonly FilePart[]): Generator<FilePart[]> {
  let batch: FilePart[] = [];
  let bytes = 0;
  let names = 0;
  for (const part of parts) {
    for (let { offset, length: left } = part; left > 0;) {
      // A lone surrogate takes six characters in JSON.
      const nameBytes = part.file.name.length * 6;
      const isFull = bytes >= BATCH_BYTES || batch.length >= BATCH_PARTS ||
        names + nameBytes > BATCH_NAME_BYTES;
      if (isFull && batch.length > 0) {
        yield batch;
        [batch, bytes, names] = [[], 0, 0];
      }
      const length = Math.min(left, BATCH_BYTES - bytes);
      batch.push({ file: part.file, offset, length });
      offset += length;
      left -= length;
      bytes += length;
      names += nameBytes;
    }
  }
  if (batch.length > 0) yield batch;
}
