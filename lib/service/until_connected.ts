import { type Clock, sleep } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import type { ServiceName } from "./service_host.ts";
import type { FullStatus } from "./service_report.ts";

/** Time between two looks for a connection, in milliseconds. */
const LOOK_MS = 250;

/**
 * Waits until a service says that it is connected, and returns the address of the Manager.
 *
 * @throws {PiriError} UNAVAILABLE with its reason if it is not by then
 */
export async function untilConnected(
  ms: number,
  { clock, name, look }: {
    readonly clock: Clock;
    readonly name: ServiceName;
    readonly look: () => Promise<FullStatus>;
  },
): Promise<string> {
  const end = clock.monotonic() + ms;
  for (;;) {
    const { process, running, detail, logLine } = await look();
    if (process?.connected === true) return process.detail;
    if (clock.monotonic() >= end) {
      const why = !running
        ? `it does not run, ${detail}`
        : process?.detail || "it has not said why";
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot see the service connected after ${
          Math.round(ms / 1_000)
        } s: ${why}; it goes on trying, and ${name} check or ${logLine} tell more`,
      );
    }
    await sleep(clock, LOOK_MS);
  }
}
