import { type Clock, sleep } from "../base/clock.ts";
import type { HostSystem } from "./host_system.ts";
import { readRunningNote } from "./running_note.ts";
import type { ServiceHost, ServiceState } from "./service_host.ts";

/** Time between two looks at a process that starts, in milliseconds. */
const LOOK_MS = 100;

/** Longest wait for a process that starts, in milliseconds. */
const MAX_START_MS = 10_000;

/**
 * Waits until a service that was started does its work, or has ended, and returns its state. OpenRC says that a service is
 * started before its program is.
 */
export async function untilUp(
  host: ServiceHost,
  { clock, system }: { readonly clock: Clock; readonly system: HostSystem },
): Promise<ServiceState> {
  const end = clock.monotonic() + MAX_START_MS;
  for (;;) {
    const state = await host.status();
    const { running, pid, dir } = state;
    if (host.kind !== "openrc" || !running || dir === undefined) return state;
    const note = await readRunningNote(system.files.at(dir));
    if (note !== undefined && note.pid === pid) return state;
    if (clock.monotonic() >= end) return state;
    await sleep(clock, LOOK_MS);
  }
}
