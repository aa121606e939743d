import { systemClock, type Timer } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { joined, joins, type OutputPiece } from "./output_piece.ts";
import type { CommandPatch } from "./records.ts";
import type { Store } from "./store.ts";
import {
  fromFailure,
  type FromWorker,
  type StoreAnswer,
  type StoreCall,
  type StoreMethod,
  type ToWorker,
} from "./thread_protocol.ts";

/** Module that runs in the thread. The build puts the bundled worker here. */
const WORKER_URL = new URL("./store_thread.ts", import.meta.url);

/** Methods of a Store. The type makes sure that none is missing. */
const METHODS: Readonly<Record<StoreMethod, true>> = {
  agents: true,
  agent: true,
  addAgent: true,
  setToken: true,
  enrolAgent: true,
  removeAgent: true,
  admitAgent: true,
  agentLeft: true,
  createCommands: true,
  findRequest: true,
  patchCommand: true,
  command: true,
  commands: true,
  openCommands: true,
  lastCommandId: true,
  appendOutput: true,
  readOutput: true,
  addEvent: true,
  events: true,
  prune: true,
  stats: true,
};

/**
 * Opens a Manager's database in a thread of its own.
 *
 * @throws {PiriError} as `openStore`
 */
export async function openStoreClient(path: string): Promise<Store> {
  const thread = new StoreThread();
  try {
    const managerId = await thread.open(path);
    return storeOn(thread, managerId);
  } catch (error) {
    thread.terminate();
    throw error;
  }
}

/** Store that sends each call to the thread. */
function storeOn(thread: StoreThread, managerId: string): Store {
  const methods = Object.keys(METHODS).map((method) =>
    [
      method,
      (...args: readonly unknown[]) => thread.call(method as StoreMethod, args),
    ] as const
  );
  // Each method passes its arguments to the thread and returns its answer, so the types are those of the Store.
  return Object.assign(Object.fromEntries(methods), {
    managerId,
    patchCommand: (patch: CommandPatch) => thread.patch(patch),
    appendOutput: (id: bigint, piece: OutputPiece) => thread.append(id, piece),
    [Symbol.asyncDispose]: () => thread.close(),
  }) as unknown as Store;
}

interface Pending {
  /** Callers that wait for the answer: several if calls were joined. */
  readonly answers: Answer[];
  /** Message that the call was sent in. */
  batch: Batch | undefined;
}

/** Caller that waits for an answer. */
type Answer = Pick<PromiseWithResolvers<unknown>, "resolve" | "reject">;

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

/** Message of several calls, with the count of those that are not answered. */
interface Batch {
  left: number;
}

/** Limit of messages under way. Calls that come meanwhile are sent together, and committed together. */
const MAX_UNDER_WAY = 2;

/**
 * Output that waits alone is committed after this many milliseconds, or once it is large: a commit costs about as much
 * for a line as for a megabyte, and nobody waits for output as for a result.
 */
const OUTPUT_MS = 5;
const OUTPUT_BYTES = 1_048_576;

/** Consecutive pieces are joined up to about this many bytes. */
const PIECE_BYTES = 262_144;

/** The thread, and the calls that it has not answered. */
class StoreThread {
  readonly #worker = new Worker(WORKER_URL, { type: "module", name: "store" });
  readonly #opened = Promise.withResolvers<string>();
  readonly #pending = new Map<number, Pending>();
  /** Calls that have not been sent, in order. */
  readonly #calls = new Map<number, StoreCall>();
  /** Patches that have not been sent, by command. A later patch of the command can be merged into them. */
  readonly #patches = new Map<bigint, WaitingPatch>();
  /** Output that has not been sent, by command and stream. The next piece of the stream can be joined to it. */
  readonly #outputs = new Map<string, WaitingOutput>();
  /** All output that has not been sent. */
  #waitingOutputs: WaitingOutput[] = [];
  #outputBytes = 0;
  /** Timer for sending output that waits alone. */
  #outputTimer: Timer | undefined;
  #outputPostedAt = -Infinity;
  #underWay = 0;
  #lastId = 0;
  #failure: Error | undefined;
  #closed: Promise<void> | undefined;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) =>
      this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(
        new PiriError("INTERNAL", `The store's thread ended: ${event.message}`),
      );
    };
  }

  open(path: string): Promise<string> {
    this.#post({ kind: "open", path });
    return this.#opened.promise;
  }

  call(
    method: StoreCall["method"],
    args: readonly unknown[],
  ): Promise<unknown> {
    // A read sees the writes before it, so no later write may be merged into one of them.
    this.#patches.clear();
    this.#outputs.clear();
    return this.#ask(method, args);
  }

  /**
   * Adds a piece of output. Pieces of one stream that have not been sent are joined, at the place of the first of them.
   */
  append(commandId: bigint, piece: OutputPiece): Promise<unknown> {
    const key = `${commandId} ${piece.stream}`;
    const { length } = piece.bytes;
    const earlier = this.#outputs.get(key);
    const last = earlier?.pieces.at(-1);
    const pending = earlier && this.#pending.get(earlier.id);
    if (
      earlier !== undefined && last !== undefined && pending !== undefined &&
      joins(last, piece) && earlier.bytes + length <= PIECE_BYTES
    ) {
      const answer = Promise.withResolvers<unknown>();
      pending.answers.push(answer);
      earlier.pieces.push(piece);
      earlier.bytes += length;
      this.#gathered(length);
      return answer.promise;
    }
    const before = this.#lastId;
    const answered = this.#ask("appendOutput", []);
    const id = this.#lastId;
    if (id === before) return answered;
    const output = { id, commandId, pieces: [piece], bytes: length };
    this.#outputs.set(key, output);
    this.#waitingOutputs.push(output);
    this.#gathered(length);
    return answered;
  }

  #gathered(bytes: number): void {
    this.#outputBytes += bytes;
    if (this.#outputBytes >= OUTPUT_BYTES) this.#flush();
  }

  #ask(
    method: StoreCall["method"],
    args: readonly unknown[],
  ): Promise<unknown> {
    if (this.#closed !== undefined && method !== "close") {
      return Promise.reject(
        new PiriError(
          "FAILED_PRECONDITION",
          "Cannot use the database: it is closed",
        ),
      );
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#lastId++;
    const id = this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, { answers: [answer], batch: undefined });
    this.#calls.set(id, { id, method, args });
    // Calls of one turn of the event loop are sent in one message.
    if (this.#isFirst(method)) queueMicrotask(() => this.#flush());
    return answer.promise;
  }

  /**
   * True if no waiting call has caused a message yet. Output may wait for more output; other calls never wait for
   * output.
   */
  #isFirst(method: StoreCall["method"]): boolean {
    const isOutput = method === "appendOutput";
    return this.#calls.size === 1 ||
      !isOutput && this.#calls.size === this.#waitingOutputs.length + 1;
  }

  /**
   * Adds a patch. Patches of one command that have not been sent are merged, at the place of the last of them: a
   * command that begins and ends at once is written once.
   */
  patch(patch: CommandPatch): Promise<unknown> {
    const earlier = this.#patches.get(patch.id);
    const whole = earlier === undefined
      ? patch
      : { ...earlier.patch, ...patch };
    // Output from before the change must not be joined with output from after it.
    this.#outputs.clear();
    const answered = this.#ask("patchCommand", [whole]);
    const id = this.#lastId;
    if (!this.#calls.has(id)) return answered;
    if (earlier !== undefined) this.#join(earlier.id, id);
    this.#patches.set(patch.id, { id, patch: whole });
    return answered;
  }

  /**
   * Drops a call in favour of a later one that says the same and more; callers of the first now wait for the second.
   */
  #join(droppedId: number, id: number): void {
    const dropped = this.#pending.get(droppedId);
    const pending = this.#pending.get(id);
    if (dropped === undefined || pending === undefined) return;
    this.#pending.delete(droppedId);
    this.#calls.delete(droppedId);
    pending.answers.unshift(...dropped.answers);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  terminate(): void {
    this.#outputTimer?.cancel();
    this.#worker.terminate();
  }

  async #close(): Promise<void> {
    try {
      await this.call("close", []);
    } finally {
      this.terminate();
    }
  }

  #flush(): void {
    if (this.#underWay >= MAX_UNDER_WAY || this.#calls.size === 0) return;
    if (this.#waitsForMore()) return;
    const buffers = this.#joinOutput();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#patches.clear();
    // A prune takes long and runs between the other calls, so no call waits for its answer.
    const counted = calls.filter(({ method }) => method !== "prune");
    if (counted.length > 0) {
      this.#underWay++;
      const batch = { left: counted.length };
      for (const { id } of counted) {
        const pending = this.#pending.get(id);
        if (pending !== undefined) pending.batch = batch;
      }
    }
    this.#post({ kind: "calls", calls }, buffers);
  }

  /** True if only output is to be sent and it can wait. Any other call ends the wait. */
  #waitsForMore(): boolean {
    const now = systemClock.monotonic();
    const left = this.#outputPostedAt + OUTPUT_MS - now;
    const waits = this.#calls.size === this.#waitingOutputs.length &&
      this.#outputBytes < OUTPUT_BYTES && left > 0 &&
      this.#closed === undefined;
    if (!waits) {
      this.#outputTimer?.cancel();
      this.#outputTimer = undefined;
      if (this.#waitingOutputs.length > 0) this.#outputPostedAt = now;
      return false;
    }
    this.#outputTimer ??= systemClock.timer(left, () => {
      this.#outputTimer = undefined;
      this.#flush();
    });
    return true;
  }

  /** Writes the waiting output into its calls. Returns the memory that is given away with them. */
  #joinOutput(): ArrayBuffer[] {
    const buffers: ArrayBuffer[] = [];
    for (const { id, commandId, pieces } of this.#waitingOutputs) {
      const piece = joined(pieces);
      if (piece.keep) buffers.push(piece.bytes.buffer);
      this.#calls.set(id, {
        id,
        method: "appendOutput",
        args: [commandId, piece],
      });
    }
    this.#waitingOutputs = [];
    this.#outputs.clear();
    this.#outputBytes = 0;
    return buffers;
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case "opened":
        return this.#opened.resolve(message.managerId);
      case "refused":
        return this.#opened.reject(fromFailure(message.failure));
      case "answers":
        return message.answers.forEach((answer) => this.#settle(answer));
    }
  }

  #settle(answer: StoreAnswer): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    this.#pending.delete(answer.id);
    for (const each of pending.answers) {
      if ("failure" in answer) each.reject(fromFailure(answer.failure));
      else each.resolve(answer.value);
    }
    const { batch } = pending;
    if (batch === undefined) return;
    batch.left--;
    if (batch.left > 0) return;
    this.#underWay--;
    this.#flush();
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#outputTimer?.cancel();
    this.#opened.reject(error);
    for (const { answers } of this.#pending.values()) {
      for (const each of answers) each.reject(error);
    }
    this.#pending.clear();
  }
}
