import { BufferPool } from "./buffer_pool.ts";
import type { CommandPatch } from "./records.ts";
import { joined, joins, type OutputPiece } from "./output_piece.ts";
import type { StoreCall } from "./thread_protocol.ts";

/** Consecutive pieces are joined up to about this many bytes. */
const PIECE_BYTES = 262_144;

/**
 * Methods that each connection of an agent calls. Many agents may come at a time, and what is committed together costs
 * less: these calls may wait until earlier ones are answered.
 */
const PATIENT: ReadonlySet<StoreCall["method"]> = new Set([
  "agent",
  "admitAgent",
  "agentLeft",
  "addEvent",
]);

/** Caller that waits for an answer. */
export type Answer = Pick<PromiseWithResolvers<unknown>, "resolve" | "reject">;

/** Call that has not been sent. */
export interface WaitingCall {
  readonly call: StoreCall;
  /** Callers that wait for the answer: several if calls were joined. */
  readonly answers: Answer[];
}

/** Patch that has not been sent. */
interface WaitingPatch {
  /** Id of the call. */
  readonly id: number;
  readonly patch: CommandPatch;
}

/** Output that has not been sent: pieces of one stream, each continuing the one before it. */
interface WaitingOutput {
  /** Id of the call. */
  readonly id: number;
  readonly commandId: bigint;
  readonly pieces: OutputPiece[];
  bytes: number;
}

/** Calls that have not been sent, in order. Patches of one command are merged, and output of one stream is joined. */
export class WaitingCalls {
  readonly #began: () => void;
  readonly #buffers: BufferPool;
  readonly #calls = new Map<number, WaitingCall>();
  /** Patches by command. A later patch of the command can be merged into them. */
  readonly #patches = new Map<bigint, WaitingPatch>();
  /** Output by command and stream. The next piece of the stream can be joined to it. */
  readonly #joinable = new Map<string, WaitingOutput>();
  /** All output. */
  #outputs: WaitingOutput[] = [];
  #outputBytes = 0;
  /** Number of patient calls. */
  #patient = 0;
  #lastId = 0;

  /** Calls `began` with the first call, and with the first one that those before it may not hold up. */
  constructor(began: () => void, buffers = new BufferPool()) {
    this.#began = began;
    this.#buffers = buffers;
  }

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  get hasOutput(): boolean {
    return this.#outputs.length > 0;
  }

  get hasOnlyOutput(): boolean {
    return this.#calls.size === this.#outputs.length;
  }

  /** True if all calls may wait until earlier ones are answered. */
  get arePatient(): boolean {
    return this.#calls.size === this.#patient;
  }

  /** Bytes of all output. */
  get outputBytes(): number {
    return this.#outputBytes;
  }

  /** Adds a call and returns its answer. */
  add(method: StoreCall["method"], args: readonly unknown[]): Promise<unknown> {
    // A read sees the writes before it, so no later write may be merged into one of them.
    this.#patches.clear();
    this.#joinable.clear();
    return this.#add(method, args);
  }

  /** Adds a piece of output. Pieces of one stream are joined, at the place of the first of them. */
  append(commandId: bigint, piece: OutputPiece): Promise<unknown> {
    const key = `${commandId} ${piece.stream}`;
    const { length } = piece.bytes;
    this.#outputBytes += length;
    const earlier = this.#joinable.get(key);
    const last = earlier?.pieces.at(-1);
    const call = earlier && this.#calls.get(earlier.id);
    if (
      earlier !== undefined && last !== undefined && call !== undefined &&
      joins(last, piece) && earlier.bytes + length <= PIECE_BYTES
    ) {
      const answer = Promise.withResolvers<unknown>();
      call.answers.push(answer);
      earlier.pieces.push(piece);
      earlier.bytes += length;
      return answer.promise;
    }
    const answered = this.#add("appendOutput", []);
    const id = this.#lastId;
    const output = { id, commandId, pieces: [piece], bytes: length };
    this.#joinable.set(key, output);
    this.#outputs.push(output);
    return answered;
  }

  /**
   * Adds a patch. Patches of one command are merged, at the place of the last of them: a command that begins and ends at
   * once is written once.
   */
  patch(patch: CommandPatch): Promise<unknown> {
    const earlier = this.#patches.get(patch.id);
    const whole = earlier === undefined
      ? patch
      : { ...earlier.patch, ...patch };
    // Output from before the change must not be joined with output from after it.
    this.#joinable.clear();
    const answered = this.#add("patchCommand", [whole]);
    const id = this.#lastId;
    if (earlier !== undefined) this.#drop(earlier.id, id);
    this.#patches.set(patch.id, { id, patch: whole });
    return answered;
  }

  /** Takes all calls, with the memory that is given away with them. */
  take(): { calls: readonly WaitingCall[]; buffers: ArrayBuffer[] } {
    const buffers = this.#joinOutput();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#patches.clear();
    this.#patient = 0;
    return { calls, buffers };
  }

  #add(
    method: StoreCall["method"],
    args: readonly unknown[],
  ): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#calls.set(id, { call: { id, method, args }, answers: [answer] });
    if (this.#isFirst(method)) this.#began();
    return answer.promise;
  }

  /** Counts a call. True for the first one, and for the first that those before it may not hold up. */
  #isFirst(method: StoreCall["method"]): boolean {
    if (method === "appendOutput") return this.#calls.size === 1;
    const isPatient = PATIENT.has(method);
    if (isPatient) this.#patient++;
    const others = this.#calls.size - this.#outputs.length - this.#patient;
    return isPatient ? others === 0 && this.#patient === 1 : others === 1;
  }

  /** Drops a call in favour of a later one that says the same and more; its callers now wait for the later one. */
  #drop(droppedId: number, id: number): void {
    const dropped = this.#calls.get(droppedId);
    const later = this.#calls.get(id);
    if (dropped === undefined || later === undefined) return;
    this.#calls.delete(droppedId);
    later.answers.unshift(...dropped.answers);
  }

  /** Writes the output into its calls. Returns the memory that is given away with them. */
  #joinOutput(): ArrayBuffer[] {
    const buffers: ArrayBuffer[] = [];
    for (const { id, commandId, pieces } of this.#outputs) {
      const waiting = this.#calls.get(id);
      if (waiting === undefined) continue;
      const piece = joined(pieces, this.#buffers);
      if (piece.keep) buffers.push(piece.bytes.buffer);
      const args = [commandId, piece];
      this.#calls.set(id, {
        ...waiting,
        call: { id, method: "appendOutput", args },
      });
    }
    this.#outputs = [];
    this.#joinable.clear();
    this.#outputBytes = 0;
    return buffers;
  }
}
