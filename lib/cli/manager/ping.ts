import type {
  PingAgentsResponse,
  PingedAgent,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { codeOf } from "../../base/errors.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import { durationText, isoTime } from "../time.ts";
import { type ClockDifference, compareClocks } from "./compare_clocks.ts";
import { tellLeftOut } from "./left_out.ts";
import type { Control, ManagerServices } from "./services.ts";
import {
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";

/** Longest wait that the Manager takes, in milliseconds. */
const MAX_WAIT_MS = 60_000;

/** `ping 'web-*'`: measures the way to agents and back. */
export const ping = defineSubcommand({
  name: "ping",
  summary: "measure how long agents take to answer, and name those away",
  positionals: {
    target: {
      type: "any",
      summary: "target expressions, such as 'web-*' or '@web ! web-3'",
    },
  },
  flags: {
    clock: {
      type: "boolean",
      summary:
        "compare the clocks, too: by a command echo.Echo on each agent, which the history has",
    },
    timeout: {
      type: "duration",
      value: "TIME",
      summary: "longest wait for an answer, at most 1m (default: 5s)",
      most: MAX_WAIT_MS,
    },
    ...TARGET_FLAGS,
  },
  more: [TARGET_HELP],
  examples: ["web-1", "all", "'@web ! web-3' --clock", "'web-*' --json"],
  async execute(invocation, services: ManagerServices) {
    const { positionals, flags, dir, json, output, terminal } = invocation;
    const selection = await selectionOf(positionals.target, flags, invocation);
    using control = await services.connect(dir);
    const pinged = await withTargetHint(
      control.agents.pingAgents({
        selection,
        ...flags.timeout === undefined ? {} : { timeoutMs: flags.timeout },
      }),
      selection,
    );
    const answered = pinged.agents.filter(hasAnswered);
    const clocks = flags.clock && answered.length > 0
      ? await clocksOf(answered, { control, terminal })
      : new Map<string, ClockDifference>();
    await output.list(pinged.agents, {
      json: (agent) => pingJson(agent, clocks.get(agent.name)),
      columns: {
        NAME: ({ name }) => name,
        "ROUND TRIP": roundTripText,
        ...flags.clock
          ? { CLOCK: ({ name }: PingedAgent) => clockText(clocks.get(name)) }
          : {},
        VERSION: ({ version }) => version,
        SINCE: ({ sinceMs }) => output.time(sinceMs),
        ADDRESS: ({ address }) => address,
      },
    });
    if (!json) await tellOthers(pinged, output);
    return answered.length === pinged.agents.length
      ? ExitCode.ok
      : ExitCode.unavailable;
  },
});

/** Differences of the clocks; none if an agent has left in between, because then the Manager starts nothing. */
async function clocksOf(
  agents: readonly PingedAgent[],
  surroundings: { control: Control; terminal: Terminal },
): Promise<ReadonlyMap<string, ClockDifference>> {
  try {
    return await compareClocks(agents.map(({ name }) => name), surroundings);
  } catch (error) {
    if (codeOf(error) !== "UNAVAILABLE") throw error;
    return new Map();
  }
}

function hasAnswered({ roundTripMs }: PingedAgent): boolean {
  return roundTripMs !== undefined;
}

function roundTripText({ connected, roundTripMs }: PingedAgent): string {
  if (!connected) return "away";
  if (roundTripMs === undefined) return "no answer";
  return roundTripMs < 10
    ? `${roundTripMs.toFixed(1)} ms`
    : durationText(roundTripMs);
}

/** Difference as people read it; an exact zero would be a lie. */
function clockText(clock: ClockDifference | undefined): string {
  if (clock === undefined) return "not known";
  const { differenceMs, uncertaintyMs } = clock;
  const about = `± ${durationText(Math.max(1, Math.ceil(uncertaintyMs)))}`;
  if (Math.abs(differenceMs) <= uncertaintyMs) return `same ${about}`;
  const way = differenceMs > 0 ? "ahead" : "behind";
  return `${durationText(Math.abs(differenceMs))} ${way} ${about}`;
}

function pingJson(
  agent: PingedAgent,
  clock: ClockDifference | undefined,
): Record<string, unknown> {
  return {
    id: agent.name,
    state: agent.connected ? "connected" : "away",
    roundTripMs: agent.roundTripMs ?? null,
    clockDifferenceMs: clock?.differenceMs ?? null,
    clockUncertaintyMs: clock?.uncertaintyMs ?? null,
    version: agent.version === "" ? null : agent.version,
    since: agent.sinceMs === undefined ? null : isoTime(agent.sinceMs),
    address: agent.address === "" ? null : agent.address,
  };
}

/** Notes about agents that did not answer, and about those that were not asked. */
async function tellOthers(
  { agents, resolved }: PingAgentsResponse,
  output: Output,
): Promise<void> {
  const away = agents.filter(({ connected }) => !connected);
  const silent = agents.filter((agent) =>
    agent.connected && !hasAnswered(agent)
  );
  const named = (which: readonly PingedAgent[]) =>
    foldNames(which.map(({ name }) => name));
  const notes = [
    `${agents.filter(hasAnswered).length} of ${agents.length} answered`,
    ...away.length === 0 ? [] : [`away: ${named(away)}`],
    ...silent.length === 0 ? [] : [`no answer in time: ${named(silent)}`],
  ];
  await output.note(notes.join("; "));
  if (resolved !== undefined) await tellLeftOut(resolved, output);
}
