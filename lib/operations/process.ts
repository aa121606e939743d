import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { ChildOutput } from "./child_output.ts";
import { joint } from "../base/signals.ts";
import { Handoff } from "./handoff.ts";
import type {
  OperationContext,
  OperationEvent,
  ReapReceipt,
} from "./operation.ts";
import { identify, startTicksOf } from "./process_table.ts";
import { ProcessTree, type TreeRoot } from "./process_tree.ts";
import { Feeder } from "./program_input.ts";
import type { Program } from "./program.ts";
import { startProgram } from "./start_program.ts";
import { WindowsTree } from "./windows_tree.ts";

/** Longest time to wait for output that other processes hold open after the program has ended, in milliseconds. */
const OUTPUT_GRACE_MS = 2_000;
/** Time between two looks at a tree that was asked to end, in milliseconds. */
const LOOK_MS = 100;

/** End of a program. Without exitCode and signal, it could not be ended and was given up. */
export interface ProgramEnd {
  readonly exitCode?: number;
  /** Name of the signal, as SIGTERM. */
  readonly signal?: string;
  /** Receipt of ending its processes, if it was asked to end. */
  readonly reaped?: ReapReceipt;
  /** True if another process still held its output open. */
  readonly outputCut: boolean;
  /** True if a full disk did not take all of its output. */
  readonly outputDropped?: boolean;
  /** Signal that the exit code may stand for, as a shell tells it. */
  readonly maybeSignal?: string;
}

type Control = Pick<
  OperationContext,
  "marker" | "timerSlack" | "signal" | "kill" | "started"
>;

/**
 * Runs a program in a session of its own, and yields its output as it comes.
 *
 * When `signal` is aborted, the whole process tree is asked to end and waited for. When `kill` is aborted, the tree is
 * ended by force. When the program ends by itself, processes that it left running stay.
 *
 * @throws {PiriError} NOT_STARTED; CANCELLED if the signal is aborted already; the error of its input, once the program
 * was ended for it
 */
export async function* runProgram(
  program: Program,
  control: Control,
  clock: Clock = systemClock,
): AsyncGenerator<OperationEvent, ProgramEnd> {
  if (control.signal.aborted) {
    throw new PiriError(
      "CANCELLED",
      `Cannot start "${program.argv[0]}": the command was cancelled`,
    );
  }
  const child = startProgram(program, control.timerSlack);
  const identity = identify(child.pid);
  control.started(identity);
  const startTicks = startTicksOf(identity) ?? 0;
  const leader = { pid: child.pid, startTicks };
  const tree = Deno.build.os === "windows"
    ? new WindowsTree(child.pid, { clock })
    : new ProcessTree(rootOf(control, leader), clock);
  const pieces = new Handoff<OperationEvent>();
  const outputs = [
    new ChildOutput("stdout", child.stdout, clock),
    new ChildOutput("stderr", child.stderr, clock),
  ];
  const read = Promise.all(outputs.map((output) => output.run(pieces)));
  const over = new AbortController();
  const feeder = new Feeder(over.signal, clock);
  if (program.stdin !== undefined) feeder.feed(child.stdin, program.stdin);
  using signal = joint([control.signal, feeder.failed]);
  using kill = joint([control.kill, feeder.kill]);
  const asked = { signal: signal.signal, kill: kill.signal };
  const stopped = stopWhenAsked(tree, asked, over.signal, clock);
  const ended = child.status.then(async (status) => {
    const grace = clock.timer(
      OUTPUT_GRACE_MS,
      () => outputs.forEach((output) => output.hurry()),
    );
    await read;
    grace.cancel();
    return status;
  });
  // A process that hangs in the kernel does not end even by SIGKILL.
  const status = Promise.race([ended, stopped.then(givenUp)]);
  status.then(() => pieces.close());
  try {
    for (;;) {
      const piece = await pieces.take();
      if (piece === undefined) break;
      yield piece;
    }
    const { code, signal } = await status ?? {};
    over.abort();
    const living = await stopped;
    // A cancel ends the input, too.
    if (!control.signal.aborted) feeder.throwIfFailed(program.argv[0]);
    return {
      ...(signal ? { signal } : code === undefined ? {} : { exitCode: code }),
      ...(living === undefined ? {} : { reaped: tree.receipt() }),
      outputCut: outputs.some((output) => output.cut),
    };
  } finally {
    pieces.close();
    // The caller has left early, so nobody can abort the signal any more.
    if (!over.signal.aborted) {
      over.abort();
      outputs.forEach((output) => output.giveUp());
      await tree.end();
      // The caller has left, so wait here until the whole tree is gone.
      if (tree.receipt().alive.length === 0) await child.status;
    }
    if (tree instanceof WindowsTree) tree[Symbol.dispose]();
  }

  function givenUp(living: number | undefined) {
    if (!living) return ended;
    outputs.forEach((output) => output.giveUp());
    return undefined;
  }
}

function rootOf(
  { marker, timerSlack }: Control,
  leader: { pid: number; startTicks: number },
): TreeRoot {
  return timerSlack === undefined
    ? { leader, marker }
    : { leader, marker, timerSlack };
}

/**
 * Asks the tree to end when `signal` is aborted, and ends it by force when `kill` is aborted.
 *
 * Returns the count of processes that are still alive after that, or undefined if the tree was not asked to end.
 */
export async function stopWhenAsked(
  tree: ProcessTree | WindowsTree,
  { signal, kill }: Pick<Control, "signal" | "kill">,
  over: AbortSignal,
  clock: Clock,
): Promise<number | undefined> {
  await abortOf(signal, over);
  if (!signal.aborted) return undefined;
  if (tree instanceof ProcessTree) {
    // A look at the tree may be under way at that moment.
    kill.addEventListener("abort", () => tree.strike(), { once: true });
  }
  while (!kill.aborted) {
    if (await tree.ask() === 0) return 0;
    await sleep(clock, LOOK_MS, kill);
  }
  return await tree.end();
}

/**
 * Resolves when one of the signals is aborted. Not AbortSignal.any: listeners on its signal alone get lost at a garbage
 * collection.
 */
function abortOf(...signals: AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });
}
