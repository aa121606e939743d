import {
  type Command,
  CommandState,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { durationText } from "../time.ts";
import { awayText, untakenText } from "./waiting_text.ts";

/** Time after which a sent command that is not taken is worth a note, in milliseconds. */
const UNTAKEN_MS = 5_000;

/** Ages of an absence at which it is told again, in milliseconds; then each hour. */
const AGAIN_MS: readonly number[] = [60_000, 600_000, 3_600_000];

/** One reason to wait, and the timer of its next note. */
interface Wait {
  readonly kind: "away" | "sent";
  readonly since: number;
  command: Command;
  timer?: Timer | undefined;
}

/** Notes that say why commands do not go on: when that changes, and again after longer and longer times. */
export class WaitNotes {
  readonly #clock: Clock;
  readonly #note: (command: Command, text: string) => Promise<void>;
  readonly #waits = new Map<bigint, Wait>();

  constructor(
    clock: Clock,
    note: (command: Command, text: string) => Promise<void>,
  ) {
    this.#clock = clock;
    this.#note = note;
  }

  /** Takes over a state of a command that has not ended. */
  async changed(command: Command): Promise<void> {
    const kind = kindOf(command);
    const before = this.#waits.get(command.id);
    if (before !== undefined && before.kind === kind) {
      before.command = command;
      return;
    }
    this.ended(command.id);
    const now = this.#clock.now();
    if (before?.kind === "away") {
      await this.#note(
        command,
        `back after ${durationText(Math.max(now - before.since, 0))}`,
      );
    }
    if (kind === undefined) return;
    const since = kind === "away"
      ? Number(command.unreachableSinceMs)
      : Number(command.sentAtMs ?? now);
    const wait: Wait = { kind, since, command };
    this.#waits.set(command.id, wait);
    if (kind === "away") await this.#tell(wait);
    else this.#tellLater(wait, UNTAKEN_MS);
  }

  /** Forgets a command. */
  ended(id: bigint): void {
    this.#waits.get(id)?.timer?.cancel();
    this.#waits.delete(id);
  }

  /** Forgets all commands. */
  close(): void {
    for (const id of [...this.#waits.keys()]) this.ended(id);
  }

  async #tell(wait: Wait): Promise<void> {
    const now = this.#clock.now();
    const age = now - wait.since;
    const next = AGAIN_MS.find((again) => again > age) ??
      age + (AGAIN_MS.at(-1) ?? Infinity);
    this.#tellLater(wait, next - Math.max(age, 0));
    const text = wait.kind === "away"
      ? awayText(wait.command, now)
      : untakenText(now - wait.since);
    await this.#note(wait.command, text);
  }

  #tellLater(wait: Wait, ms: number): void {
    wait.timer = this.#clock.timer(ms, () => {
      this.#tell(wait).catch(() => {}); // the next thing shown will meet the same trouble, and somebody waits for it
    });
  }
}

function kindOf(command: Command): Wait["kind"] | undefined {
  if (command.unreachableSinceMs !== undefined) return "away";
  return command.state === CommandState.SENT ? "sent" : undefined;
}
