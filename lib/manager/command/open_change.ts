import type { CommandPatch, CommandRecord } from "../../store/records.ts";
import { OPEN_STATES, type OpenCommand } from "./open_command.ts";
import type { OpenCommands } from "./open_commands.ts";

/**
 * A change of open commands that holds in memory at once, while the store is asked for it: whatever comes meanwhile meets
 * it. Whoever asks the store then says how that went.
 */
export class OpenChange {
  /** What the store is asked for. */
  readonly patches: readonly CommandPatch[];
  /** The open commands that it changes. */
  readonly touched: readonly OpenCommand[];
  readonly #open: OpenCommands;
  readonly #undo: ReadonlyMap<
    OpenCommand,
    { readonly before: CommandRecord; readonly patch: CommandPatch }
  >;

  constructor(open: OpenCommands, patches: readonly CommandPatch[]) {
    this.#open = open;
    this.patches = patches;
    this.#undo = new Map(
      patches.flatMap((patch) => {
        const command = open.get(patch.id);
        return command === undefined
          ? []
          : [[command, { before: command.record, patch }] as const];
      }),
    );
    this.touched = open.apply(patches);
  }

  /** It is recorded: who watches the commands is told. */
  recorded(): void {
    const ended = new Set(
      this.patches.filter(({ state }) => state && !OPEN_STATES.has(state))
        .map(({ id }) => id),
    );
    for (const { id, feed } of this.touched) {
      if (ended.has(id)) feed.finish();
      else feed.touch();
    }
  }

  /** It cannot be recorded: the commands are what they were, but for those that have gone on since. */
  takeBack(): void {
    for (const [command, { before, patch }] of this.#undo) {
      const current = this.#open.get(command.id) ?? command;
      if (current !== command) continue;
      // What changes no state holds whatever the command has come to meanwhile.
      if (patch.state !== undefined && command.state !== patch.state) continue;
      restore(command, before, Object.keys(patch));
      if (patch.state === undefined) command.feed.touch();
      else this.#replace(command);
    }
  }

  #replace(command: OpenCommand): void {
    if (command.isOpen) {
      this.#open.add(command);
      command.feed.touch();
    } else {
      // It was opened again for this.
      this.#open.remove(command);
      command.feed.finish();
    }
  }
}

function restore(
  command: OpenCommand,
  before: CommandRecord,
  fields: readonly string[],
): void {
  const values = new Map(Object.entries(before));
  command.apply({
    ...Object.fromEntries(fields.map((field) => [field, values.get(field)])),
    id: command.id,
  });
}
