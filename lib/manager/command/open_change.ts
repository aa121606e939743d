import { isOpenState } from "../../base/command_state.ts";
import type { CommandPatch } from "../../store/records.ts";
import type { Subject } from "./life_events.ts";
import type { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";

/**
 * Change of open commands that holds in memory at once, while the store is still writing it: reports that come meanwhile
 * meet it. The caller writes the patches and then calls `recorded` or `takeBack`.
 */
export class OpenChange {
  /** Patches for the store. */
  readonly patches: readonly CommandPatch[];
  /** Open commands that it changes. */
  readonly touched: readonly OpenCommand[];
  readonly #open: OpenCommands;
  readonly #undo: ReadonlyMap<
    OpenCommand,
    {
      readonly before: Pick<Subject, "record" | "stage">;
      readonly patch: CommandPatch;
    }
  >;

  constructor(open: OpenCommands, patches: readonly CommandPatch[]) {
    this.#open = open;
    this.patches = patches;
    this.#undo = new Map(
      patches.flatMap((patch) => {
        const command = open.get(patch.id);
        if (command === undefined) return [];
        const { record, stage } = command;
        return [[command, { before: { record, stage }, patch }] as const];
      }),
    );
    this.touched = open.apply(patches);
  }

  /** Tells the watchers: the store has the change. */
  recorded(): void {
    const ends = new Map(
      this.patches.filter(({ state }) => state && !isOpenState(state))
        .map((patch) => [patch.id, patch]),
    );
    const states = new Set(
      this.patches.filter(({ state }) => state).map(({ id }) => id),
    );
    for (const command of this.touched) {
      const end = ends.get(command.id);
      if (end === undefined) {
        command.feed.touch();
        if (states.has(command.id) && command.isOpen) {
          this.#open.changed(command.record);
        }
      } else {
        // Memory may be ahead of this change by now.
        this.#open.ended({ ...command.record, ...end });
        command.feed.finish();
      }
    }
  }

  /** Undoes the change, which the store did not take. Commands that have gone on since stay as they are. */
  takeBack(): void {
    for (const [command, { before, patch }] of this.#undo) {
      const current = this.#open.get(command.id) ?? command;
      if (current !== command) continue;
      // A patch without a state is undone whatever the command has come to since.
      if (patch.state !== undefined && command.state !== patch.state) continue;
      command.restore(before, patch);
      if (patch.state === undefined) command.feed.touch();
      else this.#replace(command);
    }
  }

  #replace(command: OpenCommand): void {
    if (command.isOpen) {
      this.#open.add(command);
      command.feed.touch();
    } else {
      // It was opened again for this change only.
      this.#open.remove(command);
      command.feed.finish();
    }
  }
}
