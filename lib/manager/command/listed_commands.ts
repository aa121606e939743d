import type { ClientHello } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { OpenCommands } from "./open_commands.ts";

/** Commands that a hello lists and that are not open here, as they are read: an input of `reconcile`. */
export class ListedCommands {
  readonly #agent: string;
  readonly #hello: Pick<ClientHello, "commands">;
  readonly #store: Pick<Store, "command">;
  readonly #open: Pick<OpenCommands, "get">;
  readonly #read = new Map<bigint, CommandRecord | undefined>();

  constructor(
    agent: string,
    hello: Pick<ClientHello, "commands">,
    { store, open }: {
      readonly store: Pick<Store, "command">;
      readonly open: Pick<OpenCommands, "get">;
    },
  ) {
    this.#agent = agent;
    this.#hello = hello;
    this.#store = store;
    this.#open = open;
  }

  /** True if some were not read: one that was open has ended, or was given up, while others were read. */
  get hasUnread(): boolean {
    return this.#unread().length > 0;
  }

  /** Records of the agent that were read. */
  get ended(): CommandRecord[] {
    return [...this.#read.values()].flatMap((record) =>
      record?.agent === this.#agent ? [record] : []
    );
  }

  async read(): Promise<void> {
    await Promise.all(
      this.#unread().map(async (id) =>
        this.#read.set(id, await this.#store.command(id))
      ),
    );
  }

  #unread(): bigint[] {
    return this.#hello.commands.map(({ commandId }) => commandId)
      .filter((id) => this.#open.get(id) === undefined && !this.#read.has(id));
  }
}
