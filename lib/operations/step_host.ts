import { dirname } from "@std/path";
import { systemClock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { joint, type JointSignal } from "../base/signals.ts";
import type { ProgramResult, StepProgram } from "../steps/host/host.ts";
import { Accounts } from "../steps/host/accounts.ts";
import type { HostParts, Print } from "../steps/host/host_parts.ts";
import { RealHost } from "../steps/host/real_host.ts";
import { blobPieces } from "./blob_reader.ts";
import { commandRun } from "./command_run.ts";
import { NewFile } from "./new_file.ts";
import type { OperationContext } from "./operation.ts";
import { checkParams } from "./params.ts";
import { asShielded } from "./shielded.ts";
import { placeToWrite } from "./place_to_write.ts";
import { accountNumber } from "./user.ts";

/** Time between the end of a step's timeout and that of its program by force, in milliseconds. */
const GRACE_MS = 5_000;

/** Choices for a host of steps. */
export interface StepHostOptions {
  /** True if the policy has judged the owners that the command's parameters name. */
  readonly judgesOwners?: boolean | undefined;
}

/** Host of a command that runs steps: its policy, its programs and its blobs. */
export function stepHost(
  context: OperationContext,
  { judgesOwners = false }: StepHostOptions = {},
): RealHost {
  const { guard, data } = context;
  // To look for leftovers before each of a thousand files in a folder takes longer than to write them.
  const cleaned = new Set<string>();
  const parts: HostParts = {
    clock: systemClock,
    modeMask: guard.modeMask,
    givesAway: judgesOwners || !guard.isBounded,
    require: (use, path) => guard.require(use, path),
    requireConnect: () => {
      if (guard.allowsPrograms) return;
      throw new PiriError(
        "REFUSED",
        "Cannot connect to a port or a URL here: this agent's policy has rules, and steps may connect nowhere by them",
      );
    },
    placeOf: (path) => {
      guard.require("write", path);
      return placeToWrite(path, { guard, parents: false });
    },
    newFile: (path, { at, ...attributes }) => {
      const keepsLeftovers = cleaned.has(dirname(path));
      cleaned.add(dirname(path));
      return NewFile.create(path, { at, attributes, keepsLeftovers });
    },
    accounts: new Accounts(accountNumber),
    run: async (program, signal, print) => {
      const around = { ...context, signal };
      if (program.shielded === true) {
        return await runStepProgram(program, around, print);
      }
      using force = forceAfter(signal, context);
      const { signal: kill } = force;
      return await runStepProgram(program, { ...around, kill }, print);
    },
    blob: (sha256, signal) => blobPieces(sha256, { data, signal }),
  };
  return new RealHost(parts);
}

/**
 * Makes a signal that ends a program by force: with the command, or some time after that of its step is over. A cancel
 * of the command has its own time for that.
 */
function forceAfter(
  step: AbortSignal,
  { signal, kill }: Pick<OperationContext, "signal" | "kill">,
): JointSignal {
  const late = new AbortController();
  const force = joint([kill, late.signal]);
  const undo = new DisposableStack();
  undo.use(force);
  const onEnd = () => {
    if (signal.aborted) return;
    const timer = systemClock.timer(GRACE_MS, () => late.abort());
    undo.defer(() => timer.cancel());
  };
  step.addEventListener("abort", onEnd, { once: true });
  undo.defer(() => step.removeEventListener("abort", onEnd));
  return { signal: force.signal, [Symbol.dispose]: () => undo.dispose() };
}

/**
 * Runs a program as command.Run does. One that is shielded is not ended by a cancel: only by force, once the runner's
 * time is over.
 */
async function runStepProgram(
  { shielded, ...program }: StepProgram,
  context: OperationContext,
  print: Print,
  isShielded = false,
): Promise<ProgramResult> {
  if (shielded === true) return await runShielded(program, context, print);
  const { guard } = context;
  if (!guard.allowsPrograms) {
    throw new PiriError(
      "REFUSED",
      "Cannot run a program here: this agent's policy has rules, and steps may run none by them",
    );
  }
  const params = checkParams(commandRun, JSON.stringify(program));
  const failed = new AbortController();
  using both = joint([context.signal, failed.signal]);
  const events = commandRun.run(params, { ...context, signal: both.signal });
  let failure: { readonly error: unknown } | undefined;
  for (;;) {
    const { done, value } = await events.next();
    if (done) {
      if (failure !== undefined) throw failure.error;
      const { exitCode: code, signal } = value;
      return { code, ...signal === undefined ? {} : { signal } };
    }
    if (value.kind !== "output" || failure !== undefined) continue;
    try {
      await print(value.stream, value.bytes);
    } catch (error) {
      failure = { error };
      // Nobody takes what it prints, so it is ended.
      if (!isShielded) failed.abort();
    }
  }
}

async function runShielded(
  program: StepProgram,
  context: OperationContext,
  print: Print,
): Promise<ProgramResult> {
  const { signal, kill } = context;
  const name = program.argv?.[0] ?? "the shell";
  if (signal.aborted) {
    throw new PiriError(
      "CANCELLED",
      `Cannot start "${name}": the command was cancelled`,
    );
  }
  const tell = () => {
    const text =
      `the command was cancelled: it waits for "${name}", which must not be ended half done, for at most 10 minutes\n`;
    void print("stderr", new TextEncoder().encode(text)).catch(() => {});
  };
  signal.addEventListener("abort", tell, { once: true });
  context.shield?.(true);
  try {
    return await runStepProgram(
      asShielded(program),
      { ...context, signal: kill },
      print,
      true,
    );
  } finally {
    context.shield?.(false);
    signal.removeEventListener("abort", tell);
  }
}
