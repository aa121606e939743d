import type { Event } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { codeOf } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { oneLine } from "../text.ts";
import { eventJson } from "./json.ts";
import { requireAgent, requireListed } from "./hints.ts";
import type { Control, ManagerServices } from "./services.ts";

/** `events --follow`: shows past events, and new ones as they come. */
export const events = defineSubcommand({
  name: "events",
  summary: "show agents that come and go, commands that begin and end",
  positionals: {},
  flags: {
    follow: {
      type: "boolean",
      summary: "show new events, too, until Ctrl-C",
    },
    tail: {
      type: "number",
      value: "N",
      summary: "number of past events, at most 10000 (default: 20)",
      least: 0,
      most: 10_000,
    },
    agent: {
      type: "repeated",
      value: "NAME",
      summary: "only events of this agent",
    },
    kind: {
      type: "repeated",
      value: "KIND",
      summary: "only events of this kind; 'agent_*' for all that begin so",
    },
    after: {
      type: "string",
      value: "CURSOR",
      summary:
        "only events after the one with this cursor, which --json prints",
    },
  },
  examples: [
    "",
    "--tail 100 --agent web-1",
    "--follow --kind 'command_*'",
    "--follow --json",
  ],
  async execute(
    { flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const stop = new AbortController();
    using _interrupts = terminal.onSignal("SIGINT", () => stop.abort());
    const request = {
      follow: flags.follow,
      agents: [...flags.agent],
      kinds: [...flags.kind],
      ...(flags.tail === undefined ? {} : { tail: flags.tail }),
      ...(flags.after === undefined ? {} : { after: flags.after }),
    };
    const seen = new Set<string>();
    // A follower may wait for an agent that will be added.
    if (flags.follow) await tellUnknown(flags.agent, control, output);
    try {
      const answers = control.events.watchEvents(request, {
        signal: stop.signal,
      });
      for await (const { event } of answers) {
        if (event === undefined) continue;
        seen.add(event.agent);
        if (json) await output.value(eventJson(event));
        else await output.line(lineOf(event, output));
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    if (flags.follow) return ExitCode.ok;
    for (const agent of flags.agent) {
      if (seen.has(agent)) continue;
      await requireListed(agent, "show events of", {
        control,
        hasRecords: () => hasEvents(agent, control),
      });
    }
    return ExitCode.ok;
  },
});

async function hasEvents(agent: string, control: Control): Promise<boolean> {
  const request = { agents: [agent], tail: 1 };
  for await (const { event } of control.events.watchEvents(request)) {
    if (event?.agent === agent) return true;
  }
  return false;
}

async function tellUnknown(
  agents: readonly string[],
  control: Control,
  output: Output,
): Promise<void> {
  for (const agent of agents) {
    try {
      await requireAgent(agent, "show events of", control);
    } catch (error) {
      if (codeOf(error) !== "NOT_FOUND") throw error;
      const hint = error instanceof HintedError ? ` (${error.hint})` : "";
      await output.note(`there is no agent "${agent}" yet${hint}`);
    }
  }
}

function lineOf(
  { atMs, kind, agent, commandId, message }: Event,
  output: Output,
): string {
  // The text of most events names the command.
  const command = commandId === undefined ? "" : `command ${commandId}`;
  const words = [
    output.fullTime(atMs),
    kind,
    agent,
    message.startsWith(`${command} `) ? "" : command,
    message,
  ];
  return oneLine(words.filter((word) => word !== "").join("  "));
}
