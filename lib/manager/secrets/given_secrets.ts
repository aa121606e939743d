import type { Sealed } from "../../base/sealed.ts";

/** Secrets that came with requests: in memory alone, and only until their jobs have ended. */
export class GivenSecrets {
  readonly #byJob = new Map<string, ReadonlyMap<string, Sealed>>();

  /** Number of jobs that have some. */
  get size(): number {
    return this.#byJob.size;
  }

  /** Keeps the secrets of a job. */
  keep(job: string, secrets: ReadonlyMap<string, Sealed>): void {
    if (secrets.size > 0) this.#byJob.set(job, secrets);
  }

  /** Secret of a job; undefined once it is gone. */
  find(job: string, name: string): Sealed | undefined {
    return this.#byJob.get(job)?.get(name);
  }

  /** All secrets of a job; undefined once they are gone. */
  of(job: string): ReadonlyMap<string, Sealed> | undefined {
    return this.#byJob.get(job);
  }

  /** Forgets the secrets of a job that has ended. */
  drop(job: string): void {
    this.#byJob.delete(job);
  }
}
