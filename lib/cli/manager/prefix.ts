import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { printable } from "../text.ts";

/** Colours that are legible on dark and light: cyan, green, yellow, magenta, blue. */
const COLOURS = [36, 32, 33, 35, 34];

/** Prefixes of lines: the agent of a command, and its id where the agent has several of those that are known at first. */
export class Prefixes {
  readonly #commandsOf = new Map<string, number>();
  /** Place of each command in the order of colours. */
  readonly #places = new Map<bigint, number>();

  constructor(commands: readonly Command[]) {
    for (const { id, agent } of commands) {
      this.#commandsOf.set(agent, (this.#commandsOf.get(agent) ?? 0) + 1);
      this.#places.set(id, this.#places.size);
    }
  }

  /** The name of a command without colour. */
  label({ id, agent }: Command): string {
    const isAlone = (this.#commandsOf.get(agent) ?? 0) <= 1;
    return printable(isAlone ? agent : `${agent} ${id}`);
  }

  /** Prefix of a line. */
  of(command: Command, { coloured }: { coloured: boolean }): string {
    const label = `${this.label(command)}:`;
    if (!coloured) return `${label} `;
    const place = this.#places.get(command.id) ?? this.#places.size;
    this.#places.set(command.id, place);
    return `\x1b[${COLOURS[place % COLOURS.length]}m${label}\x1b[0m `;
  }
}
