import {
  type CommandResult,
  createCommandOutput,
  createCommandProgress,
  OutputStream,
  readCommandResult,
  type ResumeFrom,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { Limits } from "../../base/limits.ts";
import { cutText } from "../../base/text.ts";
import { Turns } from "../../base/turns.ts";
import { logger } from "../../base/log.ts";
import { messageOf } from "../../base/errors.ts";
import type { StreamName } from "../../operations/operation.ts";
import type { Feature } from "../../wire/features.ts";
import type { Body } from "../../wire/message.ts";
import type { Journal, JournalEntry } from "../journal/journal.ts";
import type { Rejections } from "./rejections.ts";
import { shrunkResult } from "../runner/result.ts";
import type { Progress, Runner } from "../runner/runner.ts";
import { decode } from "../../protobuf/protobuf_reader.ts";

const log = logger("agent", "delivery");

const STREAMS: readonly [StreamName, OutputStream][] = [
  ["stdout", OutputStream.STDOUT],
  ["stderr", OutputStream.STDERR],
];

/** Text of a result towards a Manager without CommandOutput, bytes: a frame of 64 KiB holds it with all the rest. */
const TEXT_BYTES = 49_152;

/** The connection that things are delivered over. */
export interface DeliveryPeer {
  send(body: Body): Promise<void>;
}

/** What a delivery is made of. */
export interface DeliveryOptions {
  readonly journal: Journal;
  readonly runner: Runner;
  readonly peer: DeliveryPeer;
  /** Only this Manager's commands are delivered. */
  readonly managerId: string;
  readonly features: ReadonlySet<Feature>;
  readonly resume: readonly ResumeFrom[];
  readonly rejections: Rejections;
}

/**
 * Drains the journal into one connection: of each command its output from the byte that the Manager wants, its progress,
 * and its result last. Ends with the connection; the next one makes its own.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #drains = new Map<JournalEntry, Drain>();
  /** Of hundreds of commands that all have something to tell, one does, and the next when there is room. */
  readonly #turns = new Turns();
  readonly #unsubscribe: () => void;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#unsubscribe = options.runner.onNews((entry) => this.#news(entry));
    for (const entry of options.journal.entries()) this.#news(entry);
  }

  /** A command was accepted over this connection. */
  accepted(entry: JournalEntry): void {
    this.#news(entry);
  }

  /** The Manager does not need the command any more, or is told what it is about all the same. */
  forgotten(entry: JournalEntry): void {
    this.#drains.get(entry)?.stop();
    this.#drains.delete(entry);
  }

  /** The stored result of a finished command goes out again. */
  again(entry: JournalEntry): void {
    this.forgotten(entry);
    this.#news(entry);
  }

  /** The Manager ended the connection for what it was sent: any result on its way may be the one. */
  rejected(): void {
    for (const [entry, drain] of this.#drains) {
      if (drain.sentResult) this.#options.rejections.add(entry);
    }
  }

  /** The connection has ended. */
  close(): void {
    this.#unsubscribe();
    for (const drain of this.#drains.values()) drain.stop();
    this.#drains.clear();
  }

  #news(entry: JournalEntry): void {
    if (entry.managerId !== this.#options.managerId) return;
    const known = this.#drains.get(entry);
    if (known !== undefined) return known.wake();
    const drain = new Drain(entry, this.#options, this.#turns);
    this.#drains.set(entry, drain);
    drain.run().catch((error) =>
      log.debug("Delivery of command {id} ended: {error}", {
        id: entry.id,
        error: messageOf(error),
      })
    );
  }
}

/** One command on its way over one connection. */
class Drain {
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

  /** Whether the result is on its way, and not acknowledged. */
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
      // Read before the output: what was printed before the result is then sure to be sent before it.
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

  /** Sends all output that there is, a piece of each stream in turn. */
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

  /** Reads in its turn only, so that what waits for it is on the disk. False if there is nothing to send. */
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
    if (!features.has("output")) await this.#addText(result);
    this.#sentResult = true;
    await peer.send({ case: "result", value: result });
    // Without acknowledgements there is one try, and then it is forgotten.
    if (!features.has("ack")) await journal.forget(this.#entry);
  }

  /** Towards a legacy Manager the result carries what was printed, how it ended in words, and only known statuses. */
  async #addText(result: CommandResult): Promise<void> {
    const printed = await this.#printed();
    const text = [printed, result.output || howItEnded(result)]
      .filter((part) => part !== "").join("\n");
    result.output = cutText(text, TEXT_BYTES);
    if (result.output !== text) {
      result.output = `${cutText(text, TEXT_BYTES - 32)}\n[output was cut]`;
      result.truncated = true;
    }
    result.data = new Uint8Array();
    if (result.status > 3) result.status = 2;
  }

  async #printed(): Promise<string> {
    let text = "";
    let length = 0;
    for (const [name] of STREAMS) {
      // A character may lie across two pieces.
      const decoder = new TextDecoder();
      let offset = 0n;
      while (length <= TEXT_BYTES) {
        const piece = await this.#entry.read(name, offset, Limits.chunk);
        if (piece === undefined) break;
        if (piece.cut > 0n) text += `\n[${piece.cut} bytes were cut]\n`;
        text += decoder.decode(piece.bytes, { stream: true });
        length += piece.bytes.length;
        offset = piece.offset + BigInt(piece.bytes.length);
      }
      text += decoder.decode();
    }
    return text;
  }
}

/** The end in words, where the result has none. */
function howItEnded({ signal, exitCode = 0 }: CommandResult): string {
  if (signal !== "") return `ended by ${signal}`;
  return exitCode === 0 ? "" : `exit code ${exitCode}`;
}
