import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { Clock } from "../../base/clock.ts";
import { awayText, backText, untakenText, waitOf } from "./waiting_text.ts";
import { type WaitNews, Waits } from "./waits.ts";

/** Notes that say why commands do not go on: when that changes, and again after longer and longer times. */
export class WaitNotes {
  readonly #clock: Clock;
  readonly #note: (command: Command, text: string) => Promise<void>;
  readonly #waits: Waits<bigint, Command>;

  constructor(
    clock: Clock,
    note: (command: Command, text: string) => Promise<void>,
  ) {
    this.#clock = clock;
    this.#note = note;
    this.#waits = new Waits(clock, {
      gatherMs: 0,
      tell: async (news) => {
        for (const each of news) await this.#tell(each);
      },
    });
  }

  /** Takes over a state of a command that has not ended. */
  changed(command: Command): Promise<void> {
    return this.#waits.change(command.id, command, waitOf(command));
  }

  /** Forgets a command. */
  ended(id: bigint): void {
    this.#waits.forget(id);
  }

  /** Forgets all commands. */
  close(): void {
    this.#waits.close();
  }

  async #tell(
    { phase, reason, since, item }: WaitNews<Command>,
  ): Promise<void> {
    const now = this.#clock.now();
    const passed = now - (since ?? now);
    if (phase !== "over") {
      const text = reason === "away"
        ? awayText(item, now)
        : untakenText(passed);
      await this.#note(item, text);
    } else if (reason === "away") {
      await this.#note(item, backText(passed));
    }
  }
}
