import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import type { Flags, TypedInvocation } from "../command.ts";
import { HintedError } from "../errors.ts";
import { STOP_SIGNALS, type Terminal } from "../terminal.ts";
import {
  ALL,
  parseQuorum,
  type Present,
  type QuorumWait,
  waitForQuorum,
} from "./quorum.ts";
import type { BriefManager, ManagerServices } from "./services.ts";

/** Time for the agents to connect, in milliseconds: an agent waits for less than a minute between two dials. */
const WITHIN_MS = 90_000;

/** Flags of a Manager that is there for one job. */
export const OWN_MANAGER_FLAGS = {
  serve: {
    type: "boolean",
    apart: ["detach"],
    summary:
      "start a Manager in this process for this job, from --dir or from the variable PIRI_STATE (docs/ci.md)",
  },
  "wait-for": {
    type: "string",
    needs: ["serve"],
    value: "SHARE|N",
    summary:
      "with --serve: agents that must be connected before anything starts: 95%, or a number; all by default",
  },
  within: {
    type: "duration",
    needs: ["serve"],
    value: "TIME",
    summary: "with --serve: longest wait for them; 90s by default",
  },
  listen: {
    type: "string",
    needs: ["serve"],
    value: "HOST:PORT",
    summary:
      "with --serve: address to accept agents on, instead of the one in the state",
  },
} as const satisfies Flags;

/** Invocation with the flags of a Manager of its own. */
export type OwnManagerInvocation = Pick<
  TypedInvocation<typeof OWN_MANAGER_FLAGS, Record<never, never>>,
  "flags" | "dir" | "stateDir" | "dirGiven" | "output" | "terminal"
>;

/** Refuses flags that need `--serve`, or that make no sense with it. */
export function checkOwnManager(
  flags: OwnManagerInvocation["flags"] & { readonly detach?: boolean },
): void {
  if (flags.serve && flags.detach) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      'Cannot use "--detach" with "--serve": the Manager ends with this command',
      "piri-manager serve runs one that stays",
    );
  }
  const stray = (["wait-for", "within", "listen"] as const)
    .find((name) => flags[name] !== undefined);
  if (flags.serve || stray === undefined) return;
  throw new HintedError(
    "INVALID_ARGUMENT",
    `Cannot use "--${stray}" without "--serve"`,
    "a Manager that runs already is asked at once",
  );
}

/** Work on a Manager. */
export interface ManagedWork {
  readonly targets: QuorumWait["targets"];
  /** Does the work with the Manager of a state folder. Gets the seed if the targets are a random sample. */
  readonly work: (dir: string, seed?: number) => Promise<number>;
}

/**
 * Does some work with the Manager of the state folder or, with `--serve`, with one of its own: starts that, waits until
 * enough of the targets are connected, and stops it after the work, also after an error and after a signal.
 *
 * @throws {PiriError} UNAVAILABLE if too few agents have connected in time, CANCELLED if it is asked to stop before
 * that: the work was not begun. Errors of the start, and those of the work
 */
export async function withManager(
  invocation: OwnManagerInvocation,
  services: ManagerServices,
  { targets, work }: ManagedWork,
): Promise<number> {
  const { flags, dirGiven, output, terminal } = invocation;
  if (!flags.serve) return await work(invocation.dir);
  const { stateDir: dir } = invocation;
  const quorum = quorumOf(flags);
  // To its end: a signal must not end the process before its folder is removed.
  using stopping = new Stopping(terminal);
  const { listen } = flags;
  // Asked now: the variable is removed when it is read.
  const hasStateText = (terminal.env("PIRI_STATE") ?? "") !== "";
  const manager = await services.serveBriefly({ dir, dirGiven, listen })
    .catch((error) => {
      throw withStateHint(error, { dirGiven, hasStateText });
    });
  try {
    for (const note of manager.notes) await output.note(note);
    const since = terminal.clock.monotonic();
    using control = await services.connect(manager.dir);
    const present = await stopping.unlessAsked(
      waitForQuorum(control, {
        targets,
        ...quorum,
        clock: terminal.clock,
        signal: stopping.signal,
        onWait: (connected, total) =>
          void output.note(
            `${
              placeOf(manager)
            }waiting for agents: ${connected} of ${total} are connected`,
          ),
      }),
    );
    const ms = terminal.clock.monotonic() - since;
    await output.note(presentText(present, ms));
    return await work(manager.dir, present.seed);
  } finally {
    await manager.stop().catch((error) =>
      terminal.stderr.write(`error: ${messageOf(error)}\n`)
    );
  }
}

function quorumOf(
  flags: OwnManagerInvocation["flags"],
): Pick<QuorumWait, "quorum" | "withinMs"> {
  const given = flags["wait-for"];
  return {
    quorum: given === undefined ? ALL : parseQuorum(given),
    withinMs: flags.within ?? WITHIN_MS,
  };
}

/** Adds a hint for a CI job whose secret is missing, as in a fork. */
function withStateHint(
  error: unknown,
  { dirGiven, hasStateText }: { dirGiven: boolean; hasStateText: boolean },
): unknown {
  if (codeOf(error) !== "FAILED_PRECONDITION" || dirGiven || hasStateText) {
    return error;
  }
  return new HintedError(
    "FAILED_PRECONDITION",
    messageOf(error),
    "PIRI_STATE is empty: give the job the secret that piri-manager export-identity printed (docs/ci.md)",
    { cause: error },
  );
}

function placeOf({ listen }: BriefManager): string {
  return listen === undefined ? "" : `agents are accepted at ${listen}; `;
}

function presentText({ connected, total }: Present, ms: number): string {
  const seconds = (ms / 1_000).toFixed(1);
  return `${connected} of ${total} agents connected after ${seconds} s`;
}

/** Requests to stop, for all of the time in which the program may not simply end. */
class Stopping implements Disposable {
  readonly #abort = new AbortController();
  readonly #listening = new DisposableStack();

  constructor(terminal: Terminal) {
    for (const signal of STOP_SIGNALS) {
      this.#listening.use(
        terminal.onSignal(signal, () => this.#abort.abort(signal)),
      );
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** @throws {PiriError} CANCELLED if a signal came before the end of the wait */
  async unlessAsked<T>(waiting: Promise<T>): Promise<T> {
    try {
      const result = await waiting;
      if (!this.signal.aborted) return result;
    } catch (error) {
      if (!this.signal.aborted) throw error;
    }
    throw new PiriError(
      "CANCELLED",
      `Cannot run: ${this.signal.reason} came while it waited for agents; nothing was started`,
    );
  }

  [Symbol.dispose](): void {
    this.#listening.dispose();
  }
}
