import {
  codeOf,
  Disconnected,
  messageOf,
  type PiriError,
} from "../../base/errors.ts";
import { OutputStream } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Command,
  Output,
  WatchResponse,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { HintedError } from "../errors.ts";
import { commandsText, unconfirmedText, watchLine } from "./ids.ts";
import type { Cancellable } from "./patience.ts";
import type { RetryingClient } from "./retrying_client.ts";
import { hasEnded } from "./states.ts";
import { silentView, type StreamName, type View } from "./view.ts";

/** Follows commands to their end, even if the Manager restarts meanwhile. Each byte of output is shown once. */
export class Follower implements Cancellable {
  readonly #client: RetryingClient;
  readonly #cursors: Map<bigint, CommandCursor>;
  /** Commands whose cancel is recorded, without those of legacy agents, which do not confirm it. */
  readonly #cancelled = new Set<bigint>();
  #view: View;
  #cancelling: Promise<void> | undefined;

  constructor(
    commands: readonly Command[],
    client: RetryingClient,
    view: View,
  ) {
    this.#client = client;
    this.#view = view;
    this.#cursors = new Map(
      commands.map((command) => [command.id, new CommandCursor(command)]),
    );
  }

  /** Latest known state of each command. */
  get commands(): Command[] {
    return [...this.#cursors.values()].map(({ command }) => command);
  }

  /** Ids of the commands that have not ended. */
  get open(): bigint[] {
    return this.commands.filter((command) => !hasEnded(command))
      .map(({ id }) => id);
  }

  get subject(): string {
    return commandsText(this.open);
  }

  get watchLine(): string {
    return watchLine(this.open);
  }

  /** True if the Manager has recorded a cancel of all that are open, and their agents confirm one. */
  get cancelRequested(): boolean {
    return this.open.every((id) => this.#cancelled.has(id));
  }

  /**
   * Shows output and changes until all commands have ended.
   *
   * @throws {PiriError} UNAVAILABLE when the Manager stays away; else what the API says, or the signal's reason.
   */
  async follow(signal: AbortSignal): Promise<void> {
    for (const { command } of this.#cursors.values()) {
      if (!hasEnded(command)) await this.#view.changed(command);
    }
    await this.#client.call(
      async (control, { signal, alive }) => {
        const stream = new WatchStream(this.#cursors, this.#view);
        const request = { commands: stream.positions };
        try {
          const events = control.commands.watch(request, { signal });
          for await (const event of events) {
            alive();
            await stream.take(event);
          }
        } catch (error) {
          // A Manager that is about to stop says so itself, and comes back all the same.
          throw codeOf(error) === "UNAVAILABLE"
            ? new Disconnected(messageOf(error), { cause: error })
            : error;
        }
        await stream.finish();
      },
      {
        signal,
        failure: (fact) => this.#unreachable("follow", this.open, fact),
        onAway: () =>
          this.#tell("the connection to the Manager broke off: trying again…"),
      },
    );
  }

  /** Shows nothing from here on. */
  async mute(): Promise<void> {
    const view = this.#view;
    this.#view = silentView;
    await view.abandon();
  }

  /**
   * Cancels all open commands, once. Never rejects: a failure is shown.
   *
   * @param cause Signal that asked for it, if it should be named.
   */
  cancel(
    requestedBy: string,
    { signal, cause }: { signal: AbortSignal; cause?: string },
  ): Promise<void> {
    return this.#cancelling ??= this.#cancelAll(requestedBy, signal, cause);
  }

  async #cancelAll(
    requestedBy: string,
    signal: AbortSignal,
    cause: string | undefined,
  ): Promise<void> {
    const { open } = this;
    const head = cause === undefined ? "" : `${cause}: `;
    this.#tell(`${head}cancelling ${commandsText(open)}…`);
    await Promise.all(
      open.map((commandId) =>
        this.#cancelOne({ commandId, requestedBy }, signal)
      ),
    );
  }

  async #cancelOne(
    request: { commandId: bigint; requestedBy: string },
    signal: AbortSignal,
  ): Promise<void> {
    const id = request.commandId;
    try {
      const { unconfirmed } = await this.#client.call(
        (control, { signal }) => control.commands.cancel(request, { signal }),
        {
          signal,
          failure: (fact) => this.#unreachable("cancel", [id], fact),
        },
      );
      if (unconfirmed) this.#tell(unconfirmedText(id));
      else this.#cancelled.add(id);
    } catch (error) {
      // It has just ended by itself, or nobody waits any longer.
      if (codeOf(error) === "FAILED_PRECONDITION" || signal.aborted) return;
      this.#tell(messageOf(error));
    }
  }

  #unreachable(verb: string, ids: bigint[], fact: string): PiriError {
    return new HintedError(
      "UNAVAILABLE",
      `Cannot ${verb} ${commandsText(ids)}: ${fact}`,
      watchLine(ids),
    );
  }

  #tell(text: string): void {
    this.#view.note(text).catch(() => {}); // the next thing shown will meet the same trouble, and somebody waits for it
  }
}

/** Position up to which one command was shown. */
class CommandCursor {
  readonly next: Record<StreamName, bigint> = { stdout: 0n, stderr: 0n };
  /** True once its end was shown. */
  shown = false;

  constructor(public command: Command) {}
}

/** One attempt to read a Manager's stream of events. */
class WatchStream {
  readonly #cursors: ReadonlyMap<bigint, CommandCursor>;
  readonly #view: View;
  readonly #seen = new Set<bigint>();

  constructor(
    cursors: ReadonlyMap<bigint, CommandCursor>,
    view: View,
  ) {
    this.#cursors = cursors;
    this.#view = view;
  }

  /** Positions from which commands must still be shown. */
  get positions(): {
    commandId: bigint;
    stdoutOffset: bigint;
    stderrOffset: bigint;
  }[] {
    return [...this.#cursors].filter(([, { shown }]) => !shown)
      .map(([commandId, { next }]) => ({
        commandId,
        stdoutOffset: next.stdout,
        stderrOffset: next.stderr,
      }));
  }

  async take({ commandId, event }: WatchResponse): Promise<void> {
    if (event.case === "storage") return await this.#view.storage(event.value);
    const cursor = this.#cursors.get(commandId);
    if (cursor === undefined) return;
    switch (event.case) {
      case "command":
        return await this.#state(cursor, event.value);
      case "output":
        return await this.#output(cursor, event.value);
      case "progress":
        return await this.#view.progress(cursor.command, event.value);
      case "cutOff":
        return await this.#view.cutOff(cursor.command, event.value.reason);
    }
  }

  /** Shows the ends after a complete stream. An open command means that the stream was cut. */
  async finish(): Promise<void> {
    for (const cursor of this.#cursors.values()) {
      if (hasEnded(cursor.command)) await this.#end(cursor);
      else {
        throw new Disconnected(
          `Cannot follow command ${cursor.command.id}: the Manager's stream ended early`,
        );
      }
    }
  }

  async #state(cursor: CommandCursor, command: Command): Promise<void> {
    const changed = command.state !== cursor.command.state ||
      (command.unreachableSinceMs === undefined) !==
        (cursor.command.unreachableSinceMs === undefined);
    cursor.command = command;
    // The first event of a command says how it is now, and its output follows; another one that it has ended comes last.
    const first = !this.#seen.has(command.id);
    this.#seen.add(command.id);
    if (!hasEnded(command)) {
      cursor.shown = false; // one that was presumed lost may turn out to run
      if (changed) await this.#view.changed(command);
    } else if (!first) {
      cursor.shown &&= !changed; // and may end otherwise
      await this.#end(cursor);
    }
  }

  async #end(cursor: CommandCursor): Promise<void> {
    if (cursor.shown) return;
    cursor.shown = true;
    await this.#view.ended(cursor.command);
  }

  async #output(
    { command, next }: CommandCursor,
    output: Output,
  ): Promise<void> {
    const stream = output.stream === OutputStream.STDERR ? "stderr" : "stdout";
    const missing = output.offset - next[stream];
    if (missing > 0n) {
      const offset = next[stream];
      next[stream] = output.offset;
      await this.#view.cut(command, { stream, offset }, missing);
    }
    const fresh = output.bytes.subarray(missing < 0n ? Number(-missing) : 0);
    if (fresh.length === 0) return;
    const offset = next[stream];
    next[stream] += BigInt(fresh.length);
    const atMs = output.atMs === undefined ? null : Number(output.atMs);
    await this.#view.output(command, { stream, offset }, fresh, atMs);
  }
}
