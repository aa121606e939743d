import { isOpenState } from "../../base/command_state.ts";
import type { CommandPatch, CommandRecord } from "../../store/records.ts";
import type { Subject } from "./life_events.ts";
import type { OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";

/** Change of one command. */
interface Changed {
  readonly command: OpenCommand;
  readonly patch: CommandPatch;
  readonly before: Pick<Subject, "record" | "stage">;
  readonly after: CommandRecord;
}

/**
 * Change of open commands that holds in memory at once, while the store is still writing it: reports that come meanwhile
 * meet it. The caller writes the patches and then calls `recorded` or `takeBack`.
 */
export class OpenChange {
  /** Patches for the store, at most one a command. */
  readonly patches: readonly CommandPatch[];
  readonly #open: OpenCommands;
  readonly #changes: Changed[] = [];

  constructor(open: OpenCommands, patches: readonly CommandPatch[]) {
    this.#open = open;
    this.patches = patches;
    for (const patch of patches) {
      const command = open.get(patch.id);
      if (command === undefined) continue;
      const { record, stage } = command;
      open.apply(command, patch);
      const before = { record, stage };
      this.#changes.push({ command, patch, before, after: command.record });
    }
  }

  /** Tells the watchers: the store has the change. */
  recorded(): void {
    for (const { command, patch, after } of this.#changes) {
      if (patch.state !== undefined && !isOpenState(patch.state)) {
        const { record } = command;
        // Memory may be ahead of this change by now.
        this.#open.ended(record === after ? record : { ...record, ...patch });
        command.finish();
      } else {
        command.touch();
        if (patch.state !== undefined && command.isOpen) {
          this.#open.changed(command.record);
        }
      }
    }
  }

  /** Undoes the change, which the store did not take. Commands that have gone on since stay as they are. */
  takeBack(): void {
    for (const { command, before, patch } of this.#changes) {
      const current = this.#open.get(command.id) ?? command;
      if (current !== command) continue;
      // A patch without a state is undone whatever the command has come to since.
      if (patch.state !== undefined && command.state !== patch.state) continue;
      command.restore(before, patch);
      if (patch.state === undefined) command.touch();
      else this.#replace(command);
    }
  }

  #replace(command: OpenCommand): void {
    if (command.isOpen) {
      this.#open.add(command);
      command.touch();
    } else {
      // It was opened again for this change only.
      this.#open.remove(command);
      command.finish();
    }
  }
}
