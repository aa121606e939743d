import { type Clock, sleep } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { type GuardOptions, guardStart } from "./guard.ts";
import { currentSlot } from "./slot_links.ts";
import { readUpdateNote } from "./update_note.ts";

/** Time between two looks at the service, in milliseconds. */
const LOOK_MS = 500;

/** Time past its deadline after which a version on trial is taken for one that hangs, in milliseconds. */
const HANG_MS = 60_000;

/** Service whose trial is watched. */
export interface WatchedService {
  /** State of the service; undefined if it was removed. "failed" for one that has ended, and should run. */
  look(): "running" | "changing" | "stopped" | "failed" | undefined;
  /** Starts it, and waits until it runs or has ended. */
  start(): Promise<void>;
  /** Ends its process by force. */
  kill(): void;
}

/** Means of a guard that stays. */
export interface WatchOptions extends Omit<GuardOptions, "now"> {
  readonly clock: Clock;
  readonly service: WatchedService;
  /** Told each line for the log. */
  readonly say: (line: string) => void;
}

/**
 * Stays until a trial is over, where the service manager runs no guard before each start: looks at each end of the
 * service whether it has to go back, and starts it again. Without a trial it does so once.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function watchTrial(options: WatchOptions): Promise<void> {
  const { clock, service, say } = options;
  for (;;) {
    const state = service.look();
    if (state === undefined) return;
    if (state === "failed") {
      const line = await guardStart({ ...options, now: clock.now() });
      if (line !== "") say(line);
      await service.start().catch((error) => say(messageOf(error)));
    }
    const deadline = await deadlineOf(options);
    if (deadline === undefined) return;
    const isHanging = clock.now() > deadline + HANG_MS;
    // Somebody has stopped it, and whoever starts it again starts its recovery, too.
    if (isHanging && state === "stopped") return;
    if (isHanging && state === "running") service.kill();
    await sleep(clock, LOOK_MS);
  }
}

/** Deadline of the version that the service runs; undefined if it is not on trial. */
async function deadlineOf(
  { files, dir, root }: WatchOptions,
): Promise<number | undefined> {
  const note = await readUpdateNote(files, dir);
  const isOn = note?.state === "trial" &&
    await currentSlot(files, root) === note.to;
  return isOn ? note.deadline : undefined;
}
