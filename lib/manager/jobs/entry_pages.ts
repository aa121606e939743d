import type { UnstartedEntries } from "../../store/job_records.ts";
import type { Store } from "../../store/store.ts";
import type { Unstarted } from "./verdict.ts";

/** Most entries in memory before their turn. */
export const PAGE = 500;

/** Entries of a job whose turn has not come, read from the store a page at a time. */
export class EntryPages {
  readonly #store: Store;
  readonly #job: bigint;
  /** Position from which the next page is read; undefined if none is left. */
  #next: number | undefined;
  #page: UnstartedEntries;
  #index = 0;

  /** @param first The first page, if it is known, and the position from which the next one is read. */
  constructor(
    store: Store,
    job: bigint,
    { page = NOTHING, next }: {
      page?: UnstartedEntries | undefined;
      next: number | undefined;
    },
  ) {
    this.#store = store;
    this.#job = job;
    this.#page = page;
    this.#next = next;
  }

  /** Reads on if nothing is in memory. */
  async fill(): Promise<void> {
    if (this.peek() !== undefined || this.#next === undefined) return;
    const page = await this.#store.unstartedEntries(this.#job, "waiting", {
      from: this.#next,
      limit: PAGE,
    });
    this.#page = page;
    this.#index = 0;
    const last = page.positions.at(-1);
    this.#next = page.positions.length < PAGE || last === undefined
      ? undefined
      : last + 1;
  }

  /** Next entry in memory. */
  peek(): Unstarted | undefined {
    const position = this.#page.positions[this.#index];
    const agent = this.#page.agents[this.#index];
    if (position === undefined || agent === undefined) return undefined;
    return { position, agent, from: "waiting" };
  }

  /** Steps over the next entry. */
  shift(): void {
    this.#index++;
    if (this.#index >= this.#page.positions.length) {
      this.#page = NOTHING;
      this.#index = 0;
    }
  }

  /** Goes back to a position: what was taken from there on could not be recorded. */
  backTo(position: number): void {
    this.#page = NOTHING;
    this.#index = 0;
    this.#next = position;
  }
}

const NOTHING: UnstartedEntries = { positions: [], agents: [] };
