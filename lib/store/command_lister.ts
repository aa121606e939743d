import { type AgentCommands, LISTED_TOGETHER } from "./agent_commands.ts";
import type { Writer } from "./writer.ts";

/** Number of commands that one read or write is for: it takes at most about 10 ms. */
const SLICE = 4_000;

/** Number of commands that a question by agent may have to look through. */
const LOOKED_THROUGH = 2_000;

/** Lists commands by agent in the background, in slices, with other writes between them. */
export class CommandLister {
  readonly #commands: AgentCommands;
  readonly #writer: Writer;
  #listing: Promise<void> | undefined;

  constructor(commands: AgentCommands, writer: Writer) {
    this.#commands = commands;
    this.#writer = writer;
  }

  /** Resolves once nothing is being listed. */
  async idle(): Promise<void> {
    await this.#listing;
  }

  /** Lists the newest commands if there are many. */
  added(): void {
    this.#listFrom(LISTED_TOGETHER);
  }

  /** Lists the newest commands if they make questions by agent slow. */
  asked(): void {
    this.#listFrom(LOOKED_THROUGH);
  }

  #listFrom(count: number): void {
    if (this.#listing !== undefined || !this.#isDue(count)) return;
    // A failure costs nothing but time: unlisted commands are found, too, and the next ones are a reason to try again.
    this.#listing = this.#list().catch(() => {})
      .finally(() => this.#listing = undefined);
  }

  #isDue(count: number): boolean {
    try {
      return this.#commands.unlisted >= count;
    } catch {
      // The call that this is a part of tells what is wrong with the database.
      return false;
    }
  }

  async #list(): Promise<void> {
    const { ids, last } = await this.#next();
    for (let at = 0; at < ids.length; at += SLICE) {
      const slice = ids.slice(at, at + SLICE);
      await this.#writer.write(() => this.#commands.list(slice));
    }
    await this.#writer.write(() => this.#commands.noteListedTo(last));
    this.#commands.noteListed(ids.length);
  }

  /** The oldest commands that are not listed, in the order of their agents, and the last of them. */
  async #next(): Promise<{ ids: readonly bigint[]; last: bigint }> {
    const byAgent = new Map<string, bigint[]>();
    let last = 0n;
    for (let left = LISTED_TOGETHER; left > 0; left -= SLICE) {
      const rows = await this.#writer.read(() =>
        this.#commands.unlistedAfter(last, Math.min(left, SLICE))
      );
      for (const [agent, id] of rows) {
        const ids = byAgent.get(agent);
        if (ids === undefined) byAgent.set(agent, [id]);
        else ids.push(id);
        last = id;
      }
      if (rows.length < SLICE) break;
    }
    const ids = [...byAgent].sort(([a], [b]) => a < b ? -1 : 1)
      .flatMap(([, ids]) => ids);
    return { ids, last };
  }
}
