import { Drop } from "liquidjs";

/** Agent in expressions: its name, alone or as agent.name. It notes that it was used. */
export class AgentDrop extends Drop {
  readonly #id: string;
  readonly #onRead: () => void;

  constructor(id: string, onRead: () => void) {
    super();
    this.#id = id;
    this.#onRead = onRead;
  }

  /** Name of the agent, under both of its names. */
  override liquidMethodMissing(key: string | number): string | undefined {
    return key === "name" || key === "id" ? this.valueOf() : undefined;
  }

  /** Name of the agent. */
  override valueOf(): string {
    this.#onRead();
    return this.#id;
  }

  /** Name of the agent. */
  override toString(): string {
    return this.valueOf();
  }

  /** Name of the agent. */
  toJSON(): string {
    return this.valueOf();
  }
}
