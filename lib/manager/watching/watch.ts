import { isOpenState } from "../../base/command_state.ts";
import { PiriError } from "../../base/errors.ts";
import type { StreamName } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { FeedPiece, FeedReader } from "../command/feed.ts";
import type {
  CommandView,
  WatchEvent,
  WriteFailure,
} from "../api/operator_api.ts";
import type { OpenCommand } from "../command/open_command.ts";

/** Approximate size of a read of output from the store, in bytes. */
const READ_BYTES = 262_144;

/** Access of a watch to commands. */
export interface WatchSource {
  readonly store: Store;
  /** Command that has not ended. */
  open(id: bigint): OpenCommand | undefined;
  /** Command as people see it. Rejects with NOT_FOUND. */
  view(id: bigint): Promise<CommandView>;
  /** Failure to write the database, while there is one, and calls at each change. */
  readonly storage: {
    readonly failure: WriteFailure | undefined;
    listen(listener: () => void): Disposable;
  };
}

/** Command of a watch, and the offsets from which it is watched. */
export interface WatchStart {
  readonly id: bigint;
  readonly stdoutOffset: bigint;
  readonly stderrOffset: bigint;
}

/** Follows commands until all have ended: first their record, then their news. */
export async function* watchCommands(
  source: WatchSource,
  starts: readonly WatchStart[],
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  let news = Promise.withResolvers<void>();
  const wake = () => news.resolve();
  signal.addEventListener("abort", wake, { once: true });
  try {
    using watches = new CommandWatches(source, wake);
    for (const start of starts) watches.add(start);
    while (!watches.isEmpty && !signal.aborted) {
      news = Promise.withResolvers<void>();
      yield* watches.news(signal);
      if (!watches.hasNews && !watches.isEmpty) await news.promise;
    }
  } finally {
    signal.removeEventListener("abort", wake);
  }
}

/** Commands that one watcher follows. More can be added while it reads. */
export class CommandWatches implements Disposable {
  readonly #source: WatchSource;
  readonly #wake: () => void;
  readonly #listening: Disposable;
  readonly #watches = new Set<CommandWatch>();
  readonly #ready = new Set<CommandWatch>();
  #toldFailure = false;

  /** @param wake Called whenever there are news. Must not throw. */
  constructor(source: WatchSource, wake: () => void) {
    this.#source = source;
    this.#wake = wake;
    this.#listening = source.storage.listen(wake);
  }

  /** True if all commands have ended, and that was told. */
  get isEmpty(): boolean {
    return this.#watches.size === 0;
  }

  /** True if some command has news, or the database. */
  get hasNews(): boolean {
    return this.#ready.size > 0 ||
      this.#toldFailure !== (this.#source.storage.failure !== undefined);
  }

  /** Follows one more command. From now on, its output waits for a watcher who takes his time. */
  add(start: WatchStart): void {
    const watch: CommandWatch = new CommandWatch(this.#source, start, () => {
      this.#ready.add(watch);
      this.#wake();
    });
    this.#watches.add(watch);
    this.#ready.add(watch);
    watch.attach();
    this.#wake();
  }

  /** Yields all news up to now. */
  async *news(signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const { failure } = this.#source.storage;
    if (this.#toldFailure !== (failure !== undefined)) {
      this.#toldFailure = !this.#toldFailure;
      yield { kind: "storage", failure };
    }
    for (const watch of this.#ready) {
      this.#ready.delete(watch);
      yield* watch.news();
      if (watch.done) {
        this.#watches.delete(watch);
        // It may have been woken while its last news were read.
        this.#ready.delete(watch);
      }
      if (signal.aborted) return;
    }
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
    for (const watch of this.#watches) watch.close();
  }
}

/** Bytes that are held of each stream. */
type Held = Readonly<Record<StreamName, bigint>>;

function heldOf({ stdoutHeld, stderrHeld }: CommandView): Held {
  return { stdout: stdoutHeld, stderr: stderrHeld };
}

/** Open command of a watch. */
interface Live {
  readonly command: OpenCommand;
  readonly reader: FeedReader;
  /** Bytes that were recorded before the reader. What is recorded after them comes to it. */
  readonly before: Held;
}

/** Progress of a watcher on one command. */
class CommandWatch {
  done = false;
  readonly #source: WatchSource;
  readonly #id: bigint;
  readonly #wake: () => void;
  readonly #offset: Record<StreamName, bigint>;
  #live: Live | undefined;
  #told: CommandView | undefined;
  #toldProgress: unknown;

  constructor(source: WatchSource, start: WatchStart, wake: () => void) {
    this.#source = source;
    this.#id = start.id;
    this.#wake = wake;
    this.#offset = { stdout: start.stdoutOffset, stderr: start.stderrOffset };
  }

  close(): void {
    this.#live?.command.feed.close(this.#live.reader);
    this.#live = undefined;
  }

  /** Yields all news up to now. */
  async *news(): AsyncGenerator<WatchEvent> {
    if (this.#live === undefined) this.attach();
    if (this.#told === undefined) {
      const view = await this.#source.view(this.#id);
      yield this.#tell(view);
      // No more: the store may be about to drop what is recorded meanwhile, and the reader has it.
      yield* this.#stored(this.#live?.before ?? heldOf(view));
    }
    const live = this.#live;
    if (live !== undefined) {
      yield* this.#pieces(live);
      if (this.done) return;
      const { progress } = live.command;
      if (progress !== undefined && progress !== this.#toldProgress) {
        this.#toldProgress = progress;
        yield { kind: "progress", commandId: this.#id, ...progress };
      }
      if (!live.command.feed.finished) {
        yield* this.#stateChange();
        return;
      }
      // Ended: all output has been read above, or is in the store.
      yield* this.#pieces(live);
      if (this.done) return;
    }
    const view = yield* this.#settled();
    // Not before: the store drops nothing that an open reader has yet to have.
    this.close();
    const goesOn = this.#source.open(this.#id)?.feed.finished === false;
    if (goesOn || isOpenState(view.state)) {
      // It was presumed lost, and its agent still has it, or has ended it since.
      this.#told = undefined;
      this.#wake();
      return;
    }
    yield* this.#missing(heldOf(view));
    yield this.#tell(view);
    this.done = true;
  }

  /** Begins to read the output of a command that is open. */
  attach(): void {
    const command = this.#source.open(this.#id);
    if (command === undefined) return;
    const reader = command.feed.open(this.#wake, this.#offset);
    this.#live = { command, reader, before: command.ledger.recorded };
  }

  #tell(command: CommandView): WatchEvent {
    this.#told = command;
    return { kind: "command", command };
  }

  async *#stateChange(): AsyncGenerator<WatchEvent> {
    const view = await this.#source.view(this.#id);
    // Its end is told last, after all its output.
    if (!isOpenState(view.state)) return;
    if (
      view.state !== this.#told?.state ||
      view.unreachableSince !== this.#told.unreachableSince ||
      view.cancelRequestedAt !== this.#told.cancelRequestedAt
    ) {
      yield this.#tell(view);
    }
  }

  async *#pieces({ command, reader }: Live): AsyncGenerator<WatchEvent> {
    let wasBehind = false;
    while (true) {
      const piece = command.feed.read(reader);
      if (piece === "behind") {
        wasBehind = true;
        command.feed.rejoin(reader);
        continue;
      }
      if (piece === undefined) {
        if (!wasBehind) break;
        wasBehind = false;
        // Of a stream that has no piece in memory any more.
        yield* this.#stored(command.ledger.recorded);
        continue;
      }
      // Pieces before it may have left the memory: the store has them, or has dropped them since.
      const start = piece.offset - piece.cut;
      if (start > this.#offset[piece.stream]) {
        yield* this.#stored({ ...this.#offset, [piece.stream]: start });
      }
      yield* this.#piece(piece);
    }
    if (reader.cutOff) {
      yield {
        kind: "cutOff",
        commandId: this.#id,
        reason: "it read too slowly beyond what is kept",
      };
      this.done = true;
    }
  }

  /** Yields the output in the store, and returns the command as it is then: it may have changed while a slow watcher read. */
  async *#settled(): AsyncGenerator<WatchEvent, CommandView> {
    while (true) {
      const view = await this.#source.view(this.#id);
      const { stdout, stderr } = this.#offset;
      yield* this.#stored(heldOf(view));
      if (stdout === this.#offset.stdout && stderr === this.#offset.stderr) {
        return view;
      }
    }
  }

  /** Yields the pieces in the store that were not told yet and begin below these offsets. */
  async *#stored(below: Held): AsyncGenerator<WatchEvent> {
    for (const stream of ["stdout", "stderr"] as const) {
      while (this.#offset[stream] < below[stream]) {
        const read = await this.#source.store.readOutput(this.#id, {
          stream,
          offset: this.#offset[stream],
          limit: READ_BYTES,
        });
        const pieces = read.filter(({ offset }) => offset < below[stream]);
        for (const piece of pieces) {
          yield* this.#piece({ stream, ...piece }, true);
        }
        // The rest was dropped.
        if (pieces.length === 0) break;
      }
    }
  }

  /**
   * Yields the part of a piece that was not told yet; a gap before it is told as a cut.
   *
   * @param isOwn True if nobody else has the piece.
   */
  *#piece(
    { stream, offset, bytes, at }: Omit<FeedPiece, "kept">,
    isOwn = false,
  ): Generator<WatchEvent> {
    const told = this.#offset[stream];
    const end = offset + BigInt(bytes.length);
    if (end <= told && bytes.length > 0) return;
    const fresh = offset >= told
      ? bytes
      : bytes.subarray(Number(told - offset));
    const start = offset >= told ? offset : told;
    if (fresh.length === 0 && start === told) return;
    this.#offset[stream] = end;
    this.#live?.command.feed.noteHad(this.#live.reader, stream, end);
    yield {
      kind: "output",
      commandId: this.#id,
      stream,
      offset: start,
      bytes: fresh,
      ...isOwn ? { isOwn } : {},
      cut: start - told,
      ...at === undefined ? {} : { at },
    };
  }

  /** Yields the cut at the end: output that was counted and not kept. */
  *#missing(held: Held): Generator<WatchEvent> {
    for (const stream of ["stdout", "stderr"] as const) {
      yield* this.#piece({
        stream,
        offset: held[stream],
        bytes: new Uint8Array(),
        cut: 0n,
      });
    }
  }
}

/**
 * Checks the offsets of a watch.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkWatchStart(
  { id, stdoutOffset, stderrOffset }: WatchStart,
): void {
  if (stdoutOffset < 0n || stderrOffset < 0n) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot watch command ${id}: an offset is below 0`,
    );
  }
}
