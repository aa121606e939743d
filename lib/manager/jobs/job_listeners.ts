import type { CommandRecord } from "../../store/records.ts";

/** Listener of a job. Must not throw. */
export interface JobListener {
  /** The job or its counts have changed. */
  changed(): void;
  /** An entry has changed; with a record, the command of it. */
  entry(position: number, command?: CommandRecord): void;
}

/** All listeners of a job. */
export class JobListeners implements JobListener {
  readonly #listeners = new Set<JobListener>();

  /** Calls back until the result is disposed. */
  add(listener: JobListener): Disposable {
    this.#listeners.add(listener);
    return {
      [Symbol.dispose]: () => void this.#listeners.delete(listener),
    };
  }

  changed(): void {
    for (const each of this.#listeners) each.changed();
  }

  entry(position: number, command?: CommandRecord): void {
    for (const each of this.#listeners) each.entry(position, command);
  }
}
