import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { Turns } from "../../base/turns.ts";
import type { UsedStatement } from "./signatures.ts";

/** File in the state folder with the statements that were used. */
export const USED_FILE = "used-statements.json";

/** Most statements that are remembered. Each is good for 24 h at most. */
export const MAX_USED = 4_096;

/** The file with what was used. */
export interface UsedFile {
  /** Text of the file; undefined if there is none. */
  read(): Promise<string | undefined>;
  /** Replaces the file, atomically. */
  write(text: string): Promise<void>;
}

const UsedSchema = v.object({
  /** Statements that were good until this time or less are refused: some of them are forgotten. */
  forgotten: v.pipe(v.number(), v.safeInteger()),
  used: v.array(v.object({
    id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
    until: v.pipe(v.number(), v.safeInteger()),
  })),
});

/** A file in memory, for agents without a disk. */
function memoryFile(): UsedFile {
  let text: string | undefined;
  return {
    read: () => Promise.resolve(text),
    write: (written) => {
      text = written;
      return Promise.resolve();
    },
  };
}

/**
 * Statements that commands have used up. Each is kept until its time is over, also if the agent restarts, so that the
 * Manager cannot have one carried out twice. A clock that is set back opens none again.
 */
export class UsedStatements {
  readonly #file: UsedFile;
  readonly #clock: Pick<Clock, "now">;
  readonly #turns = new Turns();
  readonly #used = new Map<string, number>();
  #forgotten = 0;
  #trouble: string | undefined;

  constructor(clock: Pick<Clock, "now">, file: UsedFile = memoryFile()) {
    this.#clock = clock;
    this.#file = file;
  }

  /** Reads the file. Called once. Never rejects: while it cannot be read, no statement counts as unused. */
  async load(): Promise<void> {
    try {
      const text = await this.#file.read();
      if (text === undefined) return;
      const { forgotten, used } = v.parse(UsedSchema, JSON.parse(text));
      this.#forgotten = forgotten;
      for (const { id, until } of used) this.#used.set(id, until);
    } catch (error) {
      this.#trouble = messageOf(error).split("\n")[0];
    }
  }

  /** Uses a statement up. Returns the reason if that cannot be. */
  claim({ id, until }: UsedStatement): string | undefined {
    this.#forget();
    if (this.#trouble !== undefined) {
      return `this agent cannot read which statements were used (${USED_FILE} in its state folder: ${this.#trouble}); move that file away 24 h after the last signed command, and restart the agent`;
    }
    if (this.#used.has(id)) return "its statement was used before";
    if (until <= this.#forgotten) {
      return `its statement was good until ${
        new Date(until).toISOString()
      }, and this agent has forgotten whether it was used by then`;
    }
    if (this.#used.size >= MAX_USED) {
      return `${MAX_USED} statements were used within 24 h, which is the limit`;
    }
    this.#used.set(id, until);
    return undefined;
  }

  /** Gives back a statement whose command never began. */
  release({ id }: UsedStatement): void {
    this.#used.delete(id);
  }

  /** Makes what is used up durable. Called before the command begins. Rejects as the disk does. */
  keep(): Promise<void> {
    return this.#turns.run(() => {
      const used = [...this.#used].map(([id, until]) => ({ id, until }));
      return this.#file.write(
        `${JSON.stringify({ forgotten: this.#forgotten, used })}\n`,
      );
    });
  }

  #forget(): void {
    const now = this.#clock.now();
    for (const [id, until] of this.#used) {
      if (until >= now) continue;
      this.#used.delete(id);
      this.#forgotten = Math.max(this.#forgotten, until);
    }
  }
}
