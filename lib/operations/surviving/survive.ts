import { type Clock, sleep, systemClock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import type { OperationContext, OperationEvent } from "../operation.ts";
import { bootId, type ProcessInfo } from "../process_table.ts";
import { ProcessTree } from "../process_tree.ts";
import { type ProgramEnd, stopWhenAsked } from "../process.ts";
import type { Program } from "../program.ts";
import { timerSlackOf } from "../timer_slack.ts";
import { Spool, SpoolReader } from "./spool.ts";
import { folderOf, startKeeper } from "./start_keeper.ts";

/** Times between two looks at a program that says nothing: at first, and at most, in milliseconds. */
const LOOK_MS = 10;
const MAX_LOOK_MS = 200;
/** Longest wait for output that other processes hold open after the program has ended, in milliseconds. */
const OUTPUT_GRACE_MS = 2_000;

/** Signals that end programs most often, by their numbers on Linux. */
const SIGNALS: ReadonlyMap<number, string> = new Map([
  [1, "SIGHUP"],
  [2, "SIGINT"],
  [3, "SIGQUIT"],
  [6, "SIGABRT"],
  [9, "SIGKILL"],
  [11, "SIGSEGV"],
  [13, "SIGPIPE"],
  [15, "SIGTERM"],
]);

type Control = Pick<
  OperationContext,
  "marker" | "signal" | "kill" | "started" | "surroundings"
>;

/**
 * Runs a program that outlives this agent, and yields its output as it comes, with its place in the stream. It must not
 * have secrets, because its keeper masks none.
 *
 * @throws {PiriError} NOT_STARTED, CANCELLED, DISK
 */
export async function* survive(
  program: Program,
  control: Control,
): AsyncGenerator<OperationEvent, ProgramEnd> {
  if (control.signal.aborted) {
    throw new PiriError(
      "CANCELLED",
      `Cannot start "${program.argv[0]}": the command was cancelled`,
    );
  }
  const folder = folderOf(control);
  const { marker } = control;
  const keeper = await startKeeper(program, { folder, marker });
  let hasEnded = false;
  keeper.status.finally(() => hasEnded = true).catch(() => {});
  const spool = new Spool(folder);
  // On a busy host it may take a while until it says its name.
  while (!hasEnded && spool.keeper === undefined) {
    await sleep(systemClock, LOOK_MS);
  }
  const leader = await programOf(spool, systemClock);
  if (leader !== undefined) {
    const startTime = `${bootId()}:${leader.startTicks}`;
    control.started({ pid: leader.pid, startTime });
  }
  return yield* follow(spool, control);
}

/** Follows a program that an earlier run of the agent has started, from the oldest output on that is still there. */
export function takeUp(
  control: Control,
): AsyncGenerator<OperationEvent, ProgramEnd> {
  return follow(new Spool(folderOf(control)), control);
}

async function* follow(
  spool: Spool,
  control: Control,
  clock: Clock = systemClock,
): AsyncGenerator<OperationEvent, ProgramEnd> {
  const over = new AbortController();
  let tree: ProcessTree | undefined;
  let isGivenUp = false;
  const stopped = (async () => {
    const leader = await programOf(spool, clock, over.signal);
    if (leader === undefined || over.signal.aborted) return undefined;
    tree = treeOf(leader, control, clock);
    const living = await stopWhenAsked(tree, control, over.signal, clock);
    isGivenUp = living !== undefined && living > 0;
    return living;
  })();
  try {
    const ended = yield* followOutput(spool, clock, () => isGivenUp);
    over.abort();
    const living = await stopped;
    const { outputCut, exitCode } = ended;
    if (exitCode === undefined && !isGivenUp && living === undefined) {
      throw new PiriError(
        "INTERNAL",
        "Cannot tell how the program ended: its keeper, a process of the agent, was ended",
      );
    }
    const isWhole = spool.isWhole("stdout") && spool.isWhole("stderr");
    const maybeSignal = SIGNALS.get((exitCode ?? 0) - 128);
    return {
      ...exitCode === undefined ? {} : { exitCode },
      ...isWhole ? {} : { outputDropped: true },
      ...maybeSignal === undefined ? {} : { maybeSignal },
      ...living === undefined || tree === undefined
        ? {}
        : { reaped: tree.receipt() },
      outputCut,
    };
  } finally {
    over.abort();
  }
}

/** Yields output until the program and its output have ended, or nobody will tell their end. */
async function* followOutput(
  spool: Spool,
  clock: Clock,
  isGivenUp: () => boolean,
): AsyncGenerator<
  OperationEvent,
  { exitCode: number | undefined; outputCut: boolean }
> {
  using stdout = new SpoolReader(spool, "stdout");
  using stderr = new SpoolReader(spool, "stderr");
  let pause = LOOK_MS;
  let graceEnd = Infinity;
  for (;;) {
    // Before the output: what was printed until then is in the files.
    const look = spool.look();
    const { isOpen } = look;
    const exitCode = look.hasEnded ? spool.end : undefined;
    const isKept = pause < MAX_LOOK_MS || spool.keeperLives;
    let hasMoved = false;
    for (
      const [stream, reader] of [
        ["stdout", stdout],
        ["stderr", stderr],
      ] as const
    ) {
      const segments = look.segments(stream);
      for (;;) {
        const piece = reader.next(segments);
        if (piece === undefined) break;
        hasMoved = true;
        yield { kind: "output", stream, isMasked: true, ...piece };
      }
    }
    if (exitCode !== undefined) {
      graceEnd = Math.min(graceEnd, clock.monotonic() + OUTPUT_GRACE_MS);
      const isCut = isOpen && clock.monotonic() >= graceEnd;
      if (!isOpen || isCut) return { exitCode, outputCut: isCut };
    } else if (isGivenUp() || !isKept && spool.end === undefined) {
      return { exitCode: undefined, outputCut: isOpen };
    }
    pause = hasMoved ? LOOK_MS : Math.min(pause * 2, MAX_LOOK_MS);
    await sleep(clock, exitCode === undefined ? pause : LOOK_MS);
  }
}

/** The program as it was at its start, once it has begun; undefined if it never will. */
async function programOf(
  spool: Spool,
  clock: Clock,
  over?: AbortSignal,
): Promise<ProcessInfo | undefined> {
  while (!over?.aborted && spool.end === undefined && spool.keeperLives) {
    const { program } = spool;
    if (program !== undefined) return program;
    await sleep(clock, LOOK_MS);
  }
  return spool.program;
}

function treeOf(
  { pid, startTicks }: ProcessInfo,
  { marker }: Control,
  clock: Clock,
): ProcessTree {
  return new ProcessTree({
    leader: { pid, startTicks },
    // An earlier run of the agent may have started it: its number can belong to another process by now.
    leaderIsOld: true,
    marker,
    timerSlack: timerSlackOf(marker),
  }, clock);
}
