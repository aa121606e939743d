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

/** What runs in the thread. The build puts the bundled worker where this points. */
const WORKER_URL = new URL("./store_thread.ts", import.meta.url);

/** The methods of a Store; the type sees to it that none is missing. */
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

/** A Store whose every method is a call to the thread. */
function storeOn(thread: StoreThread, managerId: string): Store {
  const methods = Object.keys(METHODS).map((method) =>
    [
      method,
      (...args: readonly unknown[]) => thread.call(method as StoreMethod, args),
    ] as const
  );
  // Each method passes its arguments on and its answer back, so the types are those of the Store.
  return Object.assign(Object.fromEntries(methods), {
    managerId,
    patchCommand: (patch: CommandPatch) => thread.patch(patch),
    appendOutput: (id: bigint, piece: OutputPiece) => thread.append(id, piece),
    [Symbol.asyncDispose]: () => thread.close(),
  }) as unknown as Store;
}

interface Pending {
  /** Who waits for it: several if calls became one. */
  readonly answers: Answer[];
  /** The message that the call went with. */
  batch: Batch | undefined;
}

/** Who waits for an answer. */
type Answer = Pick<PromiseWithResolvers<unknown>, "resolve" | "reject">;

/** A patch that has not been posted. */
interface WaitingPatch {
  /** Of the call. */
  readonly id: number;
  readonly patch: CommandPatch;
}

/** Output that has not been posted: pieces of one stream, each where the one before it ends. */
interface WaitingOutput {
  /** Of the call. */
  readonly id: number;
  readonly commandId: bigint;
  readonly pieces: OutputPiece[];
  bytes: number;
}

/** A message of calls: how many of them are not answered. */
interface Batch {
  left: number;
}

/** So many messages are on their way at most: what is asked for meanwhile goes together, and is committed together. */
const MAX_UNDER_WAY = 2;

/**
 * Where nothing but output waits, it is committed so often, milliseconds, or once it is so much: a commit costs about as
 * much for a line as for a megabyte, and nobody waits for it as for a result.
 */
const OUTPUT_MS = 5;
const OUTPUT_BYTES = 1_048_576;

/** Pieces that follow each other become one up to about so many bytes. */
const PIECE_BYTES = 262_144;

/** The thread, and the calls that it has not answered. */
class StoreThread {
  readonly #worker = new Worker(WORKER_URL, { type: "module", name: "store" });
  readonly #opened = Promise.withResolvers<string>();
  readonly #pending = new Map<number, Pending>();
  /** What has not been posted, in the order in which it was asked for. */
  readonly #calls = new Map<number, StoreCall>();
  /** Patches among the calls that another of the same command may still be laid over. */
  readonly #patches = new Map<bigint, WaitingPatch>();
  /** Output among the calls, by command and stream, that what follows it may still be joined to. */
  readonly #outputs = new Map<string, WaitingOutput>();
  /** All output among the calls. */
  #waitingOutputs: WaitingOutput[] = [];
  #outputBytes = 0;
  /** When output that waits alone is posted. */
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
        new PiriError(
          "INTERNAL",
          `Cannot use the database: the store's thread ended: ${event.message}`,
        ),
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
    // A read sees the writes before it, so none of them may move behind it.
    this.#patches.clear();
    this.#outputs.clear();
    return this.#ask(method, args);
  }

  /** Pieces of one stream that have not been posted become one, where the first of them was asked for. */
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
    // What is asked for in one go is one message.
    if (this.#isFirst(method)) queueMicrotask(() => this.#flush());
    return answer.promise;
  }

  /** Whether nothing that waits has begun a message: output may wait for more of it, and nothing else for output. */
  #isFirst(method: StoreCall["method"]): boolean {
    const isOutput = method === "appendOutput";
    return this.#calls.size === 1 ||
      !isOutput && this.#calls.size === this.#waitingOutputs.length + 1;
  }

  /**
   * Patches of one command that have not been posted become one, where the last of them was asked for: a command that
   * begins and ends at once is written once.
   */
  patch(patch: CommandPatch): Promise<unknown> {
    const earlier = this.#patches.get(patch.id);
    const whole = earlier === undefined
      ? patch
      : { ...earlier.patch, ...patch };
    // What was printed before the change is not to be joined by what was printed after it.
    this.#outputs.clear();
    const answered = this.#ask("patchCommand", [whole]);
    const id = this.#lastId;
    if (!this.#calls.has(id)) return answered;
    if (earlier !== undefined) this.#join(earlier.id, id);
    this.#patches.set(patch.id, { id, patch: whole });
    return answered;
  }

  /** Drops a call for a later one that says the same and more; who waited for the first waits for the second. */
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
    // A prune takes its time between the others, so nobody waits for its answer.
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

  /** Whether only output is to be posted, and it can wait. What is asked for besides ends the wait. */
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

  /** Writes the output that waits into its calls. Returns the memory that is to be given away with them. */
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
