import { type Clock, sleep } from "../../lib/base/clock.ts";
import { decodeBase64 } from "@std/encoding/base64";
import type { Seeded } from "../support/seeded.ts";
import type { Site } from "./site.ts";
import { argvOf, someWork, type Work } from "./work.ts";

/** Answers after which an order was surely not taken, and the most tries to give it. */
const NOT_TAKEN =
  /Cannot run on "[^"]+": its agent is not connected|it is not running/;
const MAX_TRIES = 3;

/** A command that the chaos asks for. */
export interface ChaosOrder {
  readonly round: number;
  readonly agent: string;
  readonly work: Work;
  /** True if the command line waits for the end. */
  readonly attended: boolean;
  /** True if the agent must end the command when the link drops. */
  readonly killOnDisconnect: boolean;
  readonly timeoutMs: number | undefined;
  /** Time from the request to its cancel. */
  readonly cancelAfterMs: number | undefined;
  /** True if its program outlives its agent. */
  readonly survives: boolean;
  /** True if it is cancelled before its agent can begin it. */
  readonly mustNotRun: boolean;
}

/** A part of a stream as it was shown or recorded. */
export interface Piece {
  readonly stream: "stdout" | "stderr";
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Answer of the command line to an order. */
export interface Said {
  readonly exitCode: number;
  readonly stderr: string;
  /** Id of the command or its job, or undefined if the command line printed none. */
  readonly id: string | undefined;
  /** Last result that it showed. */
  readonly result: ShownResult | undefined;
  readonly pieces: readonly Piece[];
  /** Number of bytes that it reported as cut. */
  readonly cut: number;
}

/** Fields of a command in `--json` that are checked here. */
export interface ShownResult {
  readonly id: string;
  readonly state: string;
  readonly exitCode: number | null;
  readonly presumed: boolean;
}

type PrintedEvent =
  | { readonly event: undefined; readonly id: string }
  | (ShownResult & { readonly event: "result" })
  // Its agent got no command.
  | { readonly event: "result"; readonly id: null }
  | { readonly event: "cut"; readonly bytes: string }
  | {
    readonly event: "output";
    readonly stream: "stdout" | "stderr";
    readonly offset: string;
    readonly text?: string;
    readonly base64?: string;
  }
  | { readonly event: "progress" | "summary" | "cut_off" };

/** Draws an order for one of the agents. */
export function someOrder(
  round: number,
  key: string,
  { agents, dice }: { agents: readonly string[]; dice: Seeded },
): ChaosOrder {
  return {
    round,
    agent: dice.pick(agents),
    work: someWork(key, dice),
    attended: dice.chance(0.4),
    killOnDisconnect: dice.chance(0.1),
    timeoutMs: dice.chance(0.15) ? dice.between(200, 2_500) : undefined,
    cancelAfterMs: dice.chance(0.15) ? dice.between(0, 2_000) : undefined,
    survives: dice.chance(0.4),
    mustNotRun: false,
  };
}

/** Surroundings in which an order is given. */
export interface Surroundings {
  readonly site: Site;
  readonly paths: {
    readonly script: string;
    readonly effects: string;
    readonly pool: string;
  };
  readonly clock: Clock;
}

/** Gives an order by the command line once its agent is connected, and returns the final answer. */
export async function give(
  order: ChaosOrder,
  surroundings: Surroundings,
): Promise<Said> {
  for (let tries = 1;; tries++) {
    await surroundings.site.reachable(order.agent);
    const said = await giveOnce(order, surroundings);
    if (!NOT_TAKEN.test(said.stderr) || tries === MAX_TRIES) return said;
  }
}

async function giveOnce(
  order: ChaosOrder,
  { site, paths, clock }: Surroundings,
): Promise<Said> {
  const { agent, work, attended, killOnDisconnect, survives } = order;
  const { timeoutMs, cancelAfterMs } = order;
  const running = site.cli(
    ...["--json", "run", agent],
    ...attended ? [] : ["--detach"],
    ...survives ? ["--survive"] : [],
    ...killOnDisconnect ? ["--on-disconnect", "kill-after=300ms"] : [],
    ...timeoutMs === undefined ? [] : ["--timeout", `${timeoutMs}ms`],
    ...["--env", `CHAOS_KEY=${work.key}`, "--", ...argvOf(work, paths)],
  );
  const cancelled = cancelAfterMs === undefined
    ? undefined
    : sleep(clock, cancelAfterMs).then(() => cancel(site, work.key, agent));
  const { code, stdout, stderr } = await running;
  await cancelled;
  return { exitCode: code, stderr, ...heard(stdout) };
}

/** Cancels the command with this key, if the Manager can be reached and knows it. */
async function cancel(
  site: Site,
  key: string,
  agent: string,
): Promise<void> {
  const { stdout } = await site.cli(
    ...["--json", "commands", "--agent", agent, "--limit", "100"],
  );
  const line = stdout.split("\n").find((line) => line.includes(`"${key}"`));
  if (line === undefined) return;
  const { id } = JSON.parse(line);
  await site.cli("cancel", id, "--grace", "1s");
}

/** Reads the output of `run --json`. */
function heard(stdout: string): Omit<Said, "exitCode" | "stderr"> {
  const lines = stdout.split("\n").filter((line) => line !== "")
    .map((line): PrintedEvent => JSON.parse(line));
  const pieces: Piece[] = [];
  let cut = 0;
  let id: string | undefined;
  let result: ShownResult | undefined;
  for (const line of lines) {
    switch (line.event) {
      case undefined:
        id = line.id;
        break;
      case "result":
        if (line.id === null) break;
        result = line;
        id = line.id;
        break;
      case "cut":
        cut += Number(line.bytes);
        break;
      case "output":
        pieces.push({
          stream: line.stream,
          offset: Number(line.offset),
          bytes: line.base64 === undefined
            ? new TextEncoder().encode(line.text)
            : decodeBase64(line.base64),
        });
    }
  }
  return { id, result, pieces, cut };
}
