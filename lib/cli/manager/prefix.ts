import type { Command } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { printable } from "../text.ts";

/** Colours that are legible on dark and light: cyan, green, yellow, magenta, blue. */
const COLOURS = [36, 32, 33, 35, 34];

/** Prefixes of lines: the agent of a command, and its id where the agent has several. */
export class Prefixes {
  readonly #labels = new Map<bigint, string>();
  readonly #order: readonly bigint[];

  constructor(commands: readonly Command[]) {
    for (const { id, agent } of commands) {
      const alone = commands.every((other) =>
        other.agent !== agent || other.id === id
      );
      this.#labels.set(id, printable(alone ? agent : `${agent} ${id}`));
    }
    this.#order = commands.map(({ id }) => id);
  }

  /** The name of a command without colour. */
  label({ id }: Command): string {
    return this.#labels.get(id) ?? String(id);
  }

  /** Prefix of a line. */
  of(command: Command, { coloured }: { coloured: boolean }): string {
    const label = `${this.label(command)}:`;
    if (!coloured) return `${label} `;
    const colour = COLOURS[this.#order.indexOf(command.id) % COLOURS.length];
    return `\x1b[${colour}m${label}\x1b[0m `;
  }
}
