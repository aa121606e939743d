import type { MovedEntry } from "../../store/job_records.ts";

/** Steps of entries of jobs that are recorded, and whose makers have not heard of it. */
export class EarlyMoves {
  #making = 0;
  #moved: MovedEntry[] = [];

  /** Keeps steps from now on, until the result is disposed. */
  begin(): Disposable {
    this.#making++;
    return {
      [Symbol.dispose]: () => {
        this.#making--;
        if (this.#making === 0) this.#moved = [];
      },
    };
  }

  /** Keeps steps of a job that is not known, if one is being made. */
  add(moved: readonly MovedEntry[]): void {
    if (this.#making > 0) this.#moved.push(...moved);
  }

  /** Steps of a job that is known now. */
  of(job: bigint): MovedEntry[] {
    return this.#moved.filter((each) => each.job === job);
  }
}
