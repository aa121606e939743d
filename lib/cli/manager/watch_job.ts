import { ExitError, HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { STOP_SIGNALS, type Terminal } from "../terminal.ts";
import { prepareFiles } from "./job/file_views.ts";
import { followMany } from "./job/follow_many.ts";
import { followOne } from "./job/follow_one.ts";
import { isForOne } from "./job/launch_job.ts";
import { checkViewFlags, type ViewFlagValues } from "./job/view_flags.ts";
import { timesOf } from "./job/views.ts";
import type { Cancellable } from "./patience.ts";
import { RetryingClient } from "./retrying_client.ts";
import type { Control } from "./services.ts";
import { answered } from "./ids.ts";

/** Shows a job until it ends, and leaves it alone whatever happens to this program. Returns its exit code. */
export async function watchJob(
  jobId: bigint,
  { connect, flags, json, output, terminal }: {
    readonly connect: () => Promise<Control>;
    readonly flags: ViewFlagValues;
    readonly json: boolean;
    readonly output: Output;
    readonly terminal: Terminal;
  },
): Promise<number> {
  checkViewFlags(flags, { json });
  await using _files = await prepareFiles({ flags, terminal });
  const job = answered(
    await (async () => {
      using control = await connect();
      return (await control.jobs.getJob({ jobId })).job;
    })(),
    `watch job j-${jobId}`,
  );
  const client = new RetryingClient(connect, terminal);
  using leaving = new Leaving(terminal);
  const parts = { client, patience: leaving, json, output, terminal };
  if (isForOne(job)) {
    const { raw, color: colour } = flags;
    const times = timesOf(flags);
    return await followOne(job, {
      ...parts,
      raw,
      colour,
      times,
      flags,
      cancelsUnseen: false,
    });
  }
  return await followMany(job, {
    ...parts,
    flags,
    onNote: () => {},
    cancelsUnseen: false,
  });
}

/** Ends watching at the first signal, and cancels nothing. */
class Leaving implements Disposable {
  readonly #stop = new AbortController();
  readonly #undo = new DisposableStack();
  #target: Cancellable | undefined;

  constructor(terminal: Terminal) {
    for (const signal of STOP_SIGNALS) {
      this.#undo.use(terminal.onSignal(signal, () => this.#leave()));
    }
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Takes what is watched: it is named when watching ends early. */
  cancels(target: Cancellable): void {
    this.#target = target;
  }

  /** Commands under a watch have no limit but their own. */
  limit(): void {}

  [Symbol.dispose](): void {
    this.#undo.dispose();
    this.#stop.abort();
  }

  #leave(): void {
    const { subject = "the job", watchLine = "piri-manager job list" } =
      this.#target ?? {};
    this.#stop.abort(
      new ExitError(
        new HintedError(
          "CANCELLED",
          `Stopped watching ${subject}: what runs goes on`,
          watchLine,
        ),
        ExitCode.left,
      ),
    );
  }
}
