import type { Clock } from "../../base/clock.ts";
import { Limits } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import type {
  CommandPatch,
  OutputRange,
  StreamName,
} from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { Events } from "../events/events.ts";
import type { AgentSession } from "../fleet.ts";
import type { Acknowledger } from "./acknowledger.ts";
import type { FreshPiece } from "./ledger.ts";
import { changeBy } from "./lifecycle.ts";
import { OpenChange } from "./open_change.ts";
import type { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";
import type { ToldOutcome } from "./result.ts";
import { toldKeys } from "./told_keys.ts";

const log = logger("manager", "recorder");

/** Bytes of one agent's output that may wait for the disk; beyond it the agent is not read until some are written. */
const UNWRITTEN_BYTES = 4 * 1_048_576;

const STREAMS: readonly StreamName[] = ["stdout", "stderr"];

/**
 * Writes what agents tell to the store, and has acknowledged what is durable.
 *
 * Memory is ahead of the store until it answers. What it cannot keep is taken back, and its agent tells it again over its
 * next connection.
 */
export class ReportWriter {
  readonly #store: Store;
  readonly #events: Events;
  readonly #open: OpenCommands;
  readonly #acks: Acknowledger;
  readonly #clock: Clock;
  readonly #unwritten = new WeakMap<AgentSession, number>();
  /** Connections of which something could not be recorded: all that was not acknowledged comes again over the next. */
  readonly #failed = new WeakSet<AgentSession>();

  constructor(
    { store, events, open, acks, clock }: {
      readonly store: Store;
      readonly events: Events;
      readonly open: OpenCommands;
      readonly acks: Acknowledger;
      readonly clock: Clock;
    },
  ) {
    this.#store = store;
    this.#events = events;
    this.#open = open;
    this.#acks = acks;
    this.#clock = clock;
  }

  /** Bytes of output from this connection that wait for the disk. */
  unwritten(session: AgentSession): number {
    return this.#unwritten.get(session) ?? 0;
  }

  /** True once something that this connection told could not be recorded. */
  hasFailed(session: AgentSession): boolean {
    return this.#failed.has(session);
  }

  /** Records a change that nobody waits for; if it cannot be, the agent is asked to come back. */
  patch(
    session: AgentSession,
    command: OpenCommand,
    patch: CommandPatch,
  ): void {
    command.apply(patch);
    const told = patch.progressAt === undefined ? undefined : command.record;
    this.#store.patchCommand(patch).then(
      () => {
        command.touch();
        if (patch.state !== undefined && command.isOpen) {
          this.#open.changed(command.record);
        }
        if (told !== undefined) this.#events.commandProgressed(told);
      },
      (error) => this.#cannotRecord(session, error),
    );
  }

  /** Records a piece of output. The returned promise, if any, is to be waited for before more is read. */
  output(
    session: AgentSession,
    command: OpenCommand,
    piece: FreshPiece,
  ): void | Promise<void> {
    const { stream, offset, bytes, cut, keep } = piece;
    const end = offset + BigInt(bytes.length);
    const drop = droppable(command, piece);
    const cost = bytes.length + Limits.pieceOverhead;
    const unwritten = this.unwritten(session) + cost;
    this.#unwritten.set(session, unwritten);
    const at = this.#clock.now();
    const recorded = { stream, offset, bytes, cut, at, keep, drop };
    const written = this.#store.appendOutput(command.id, recorded)
      .then((figures) => {
        command.ledger.noteRecorded(stream, end);
        command.noteOutput(figures);
        command.feed.push({ stream, offset, bytes, cut, at, kept: keep });
        const acknowledge = () => {
          command.ledger.hold(stream, end);
          this.#acks.held(session, command);
        };
        // Not waited for: a slow watcher holds back the acknowledgement, not the reading of the agent's connection.
        const passed = this.#passed(command, piece);
        if (passed === undefined) acknowledge();
        else void passed.then(acknowledge);
      }, (error) => {
        // Not by `catch`, which would come after the next piece was found to be recorded.
        command.ledger.takeBack(piece);
        this.#cannotRecord(session, error);
      })
      .finally(() => {
        this.#unwritten.set(
          session,
          (this.#unwritten.get(session) ?? cost) - cost,
        );
      });
    return unwritten > UNWRITTEN_BYTES ? written : undefined;
  }

  /** Resolves when the watchers have had what is gone once this piece is acknowledged; undefined if they have. */
  #passed(
    { feed }: OpenCommand,
    { stream, offset, bytes, cut, keep, middle }: FreshPiece,
  ): Promise<void> | undefined {
    const { length } = bytes;
    if (!keep) return feed.passed(stream, offset + BigInt(length), length);
    if (middle === undefined) return undefined;
    // The piece itself is kept.
    return feed.passed(stream, lower(middle.below, offset - cut), length);
  }

  /** Records the end that a result tells; from now on a second result is one of a command that is not open. */
  end(
    session: AgentSession,
    command: OpenCommand,
    outcome: ToldOutcome,
  ): void {
    const patch = changeBy(command, "result", { outcome });
    if (patch === undefined) return;
    // The end is not to be kept where output before it could not be: both come again.
    const after = command.ledger.received;
    const middles = STREAMS.flatMap((stream) => {
      const middle = command.ledger.middle(stream);
      return middle === undefined ? [] : [{ stream, ...middle }];
    });
    const change = new OpenChange(this.#open, [patch]);
    const keys = toldKeys(command.record, patch);
    this.#store.patchCommand({ ...patch, after, keys }).then(
      () => {
        const { stdoutHeld: stdout, stderrHeld: stderr } = outcome;
        command.ledger.close({ stdout, stderr });
        change.recorded();
        this.#acks.final(session, command.id, command.ledger.held);
        if (session.features.has("ack")) {
          command.trace.resultAcknowledgedAt = this.#clock.now();
        }
        for (const middle of middles) void this.#dropRest(command, middle);
      },
      (error) => {
        command.ledger.takeBackAll();
        change.takeBack();
        this.#cannotRecord(session, error);
      },
    );
  }

  /** Drops the rest of a middle once the command has ended: slow watchers held it back, or it was much for the pieces. */
  async #dropRest(
    { id, feed }: OpenCommand,
    middle: OutputRange & { readonly stream: StreamName },
  ): Promise<void> {
    await feed.passed(middle.stream, middle.below, 0);
    try {
      await this.#store.dropOutput(id, middle);
    } catch (error) {
      log.warn("Cannot drop output of command {id}: {error}", { id, error });
    }
  }

  #cannotRecord(session: AgentSession, error: unknown): void {
    // Reports of an agent without acknowledgements come only once.
    if (session.features.has("ack")) this.#failed.add(session);
    log.error("Cannot record what agent {agent} tells: {error}", {
      agent: session.agent,
      error,
    });
    session.busy();
  }
}

/** Part of a stream that the store may drop for a piece: what every watcher has had of the middle. */
function droppable(
  { feed }: OpenCommand,
  { stream, middle }: FreshPiece,
): OutputRange | undefined {
  if (middle === undefined) return undefined;
  const { from } = middle;
  const below = feed.drop(stream, middle.below);
  return below > from ? { from, below } : undefined;
}

function lower(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
