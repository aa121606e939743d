import type { WindowsLife } from "../../lib/cli/service_acts.ts";

/** A Windows that has started a program as its service, and notes what it is told. */
export class FakeWindows {
  readonly told: string[] = [];
  readonly #listeners = new Map<string, (() => void)[]>();

  /** Start of a service, for `WithWindowsService`. */
  start = async (
    live: (life: WindowsLife) => Promise<number>,
  ): Promise<number> => {
    const code = await live({
      onRequest: (request, callback) => {
        const set = this.#listeners.get(request) ?? [];
        this.#listeners.set(request, [...set, callback]);
        return { [Symbol.dispose]() {} };
      },
      ready: () => void this.told.push("ready"),
      stopping: () => void this.told.push("stopping"),
      report: (kind, text) => void this.told.push(`${kind}: ${text}`),
    });
    this.told.push(`ended with ${code}`);
    return code;
  };

  /** Sends a request to the service. */
  ask(request: "stop" | "reload" | "restart"): void {
    for (const listener of this.#listeners.get(request) ?? []) listener();
  }
}
