import {
  type CommandResult,
  CommandResult_Status,
  createCommandOutput,
  createCommandProgress,
  OutputStream,
  readCommandResult,
  type ResumeFrom,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { Limits } from "../../base/limits.ts";
import { Turns } from "../../base/turns.ts";
import type { StreamName } from "../../operations/operation.ts";
import type { Feature } from "../../wire/features.ts";
import type { Body } from "../../wire/message.ts";
import type { Journal, JournalEntry } from "../journal/journal.ts";
import type { Rejections } from "./rejections.ts";
import { resultText } from "./result_text.ts";
import { shrunkResult } from "../runner/result.ts";
import type { Runner } from "../runner/runner.ts";
import type { Progress } from "../runner/running_command.ts";
import { decode } from "../../protobuf/protobuf_reader.ts";

const STREAMS: readonly [StreamName, OutputStream][] = [
  ["stdout", OutputStream.STDOUT],
  ["stderr", OutputStream.STDERR],
];

/**
 * Limit of text in a result for a Manager without CommandOutput, in bytes: it fits into a frame of 64 KiB with the
 * rest.
 */
const TEXT_BYTES = 49_152;

/** Connection that results are delivered over. */
export interface DeliveryPeer {
  send(body: Body): Promise<void>;
}

/** Parts of a delivery to one connection. */
export interface DeliveryOptions {
  readonly journal: Journal;
  readonly runner: Runner;
  readonly peer: DeliveryPeer;
  /** Only commands of this Manager are delivered. */
  readonly managerId: string;
  readonly features: ReadonlySet<Feature>;
  readonly resume: readonly ResumeFrom[];
  readonly rejections: Rejections;
  /** True if the last progress of each command is 1 of 1, as legacy Managers expect it. */
  readonly sendsLastProgress: boolean;
}

/** Delivery of one command over one connection. */
export class Drain {
  readonly #entry: JournalEntry;
  readonly #options: DeliveryOptions;
  readonly #turns: Turns;
  readonly #offset: Record<StreamName, bigint>;
  #told: Progress | undefined;
  #news = Promise.withResolvers<void>();
  #stopped = false;
  #sentResult = false;

  constructor(entry: JournalEntry, options: DeliveryOptions, turns: Turns) {
    this.#entry = entry;
    this.#options = options;
    this.#turns = turns;
    const wanted = options.resume.find(({ commandId }) =>
      commandId === entry.id
    );
    this.#offset = {
      stdout: wanted?.stdout ?? entry.acknowledged("stdout"),
      stderr: wanted?.stderr ?? entry.acknowledged("stderr"),
    };
  }

  /** True if the result was sent and is not acknowledged. */
  get sentResult(): boolean {
    return this.#sentResult;
  }

  wake(): void {
    this.#news.resolve();
  }

  stop(): void {
    this.#stopped = true;
    this.#news.resolve();
  }

  async run(): Promise<void> {
    const { features } = this.#options;
    while (!this.#stopped) {
      this.#news = Promise.withResolvers();
      // Read before the output, so that output from before the result is sure to be sent before it.
      const result = this.#entry.result;
      await this.#sendProgress();
      if (features.has("output")) await this.#sendOutput();
      if (result !== undefined && !this.#stopped) {
        await this.#turns.run(() => this.#sendResult(result));
        return;
      }
      await this.#news.promise;
    }
  }

  async #sendProgress(): Promise<void> {
    const { runner, peer } = this.#options;
    const progress = runner.progressOf(this.#entry);
    if (progress === undefined || progress === this.#told) return;
    this.#told = progress;
    const value = createCommandProgress({
      commandId: this.#entry.id,
      ...progress,
    });
    await this.#turns.run(() => peer.send({ case: "progress", value }));
  }

  /** Sends all output that there is, one piece of each stream in turn. */
  async #sendOutput(): Promise<void> {
    let sent = true;
    while (sent && !this.#stopped) {
      sent = false;
      for (const [name, stream] of STREAMS) {
        sent = await this.#turns.run(() => this.#sendPiece(name, stream)) ||
          sent;
      }
    }
  }

  /** Reads in its turn only, so that waiting output stays on the disk. False if there is nothing to send. */
  async #sendPiece(name: StreamName, stream: OutputStream): Promise<boolean> {
    if (this.#stopped) return false;
    const piece = await this.#entry.read(
      name,
      this.#offset[name],
      Limits.chunk,
    );
    if (piece === undefined || this.#stopped) return false;
    this.#offset[name] = piece.offset + BigInt(piece.bytes.length);
    await this.#options.peer.send({
      case: "commandOutput",
      value: createCommandOutput({
        commandId: this.#entry.id,
        stream,
        ...piece,
      }),
    });
    return true;
  }

  async #sendResult(bytes: Uint8Array): Promise<void> {
    if (this.#stopped) return;
    const { features, peer, journal, rejections } = this.#options;
    const stored = decode(readCommandResult, bytes);
    const result = rejections.isSuspect(this.#entry)
      ? shrunkResult(stored)
      : stored;
    if (!features.has("output")) {
      if (this.#options.sendsLastProgress) {
        await this.#sendLastProgress(result.status);
      }
      await this.#addText(result);
    }
    this.#sentResult = true;
    await peer.send({ case: "result", value: result });
    // Without acknowledgements there is only one try, and then the command is forgotten.
    if (!features.has("ack")) await journal.forget(this.#entry);
  }

  /**
   * Adapts a result for a legacy Manager: it contains the output and the end in words, no hashes, and only statuses that
   * it knows.
   */
  async #addText(result: CommandResult): Promise<void> {
    const sentence = result.output || howItEnded(result);
    const { text, isCut } = await resultText(
      this.#entry,
      sentence,
      TEXT_BYTES,
    );
    result.output = text;
    if (isCut) result.truncated = true;
    result.data = new Uint8Array();
    result.stdoutSha256 = new Uint8Array();
    result.stderrSha256 = new Uint8Array();
    result.masked = 0n;
    if (result.status > 3) result.status = 2;
  }

  /** Reports the last step, as legacy agents do before the result of a command that has run to its end. */
  async #sendLastProgress(status: CommandResult_Status): Promise<void> {
    const { current = 0, total = 1 } = this.#told ?? {};
    const ranToItsEnd = status === CommandResult_Status.SUCCESS ||
      status === CommandResult_Status.FAILED;
    if (!ranToItsEnd || current >= total) return;
    await this.#options.peer.send({
      case: "progress",
      value: createCommandProgress({
        commandId: this.#entry.id,
        current: total,
        total,
      }),
    });
  }
}

/** Describes the end in words if the result has none. */
function howItEnded({ signal, exitCode = 0 }: CommandResult): string {
  if (signal !== "") return `ended by ${signal}`;
  return exitCode === 0 ? "" : `exit code ${exitCode}`;
}
