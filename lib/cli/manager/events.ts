import type { Event } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { oneLine } from "../text.ts";
import { localTime } from "../time.ts";
import { eventJson } from "./json.ts";
import type { ManagerServices } from "./services.ts";

/** `events --follow`: shows past events, and new ones as they come. */
export const events = defineSubcommand({
  name: "events",
  summary: "show events: agents that come and go, joins, refusals",
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
  },
  examples: ["", "--tail 100", "--follow --json"],
  async execute(
    { flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const stop = new AbortController();
    using _interrupts = terminal.onSignal("SIGINT", () => stop.abort());
    const request = {
      follow: flags.follow,
      ...(flags.tail === undefined ? {} : { tail: flags.tail }),
    };
    try {
      const answers = control.events.watchEvents(request, {
        signal: stop.signal,
      });
      for await (const { event } of answers) {
        if (event === undefined) continue;
        if (json) await output.value(eventJson(event));
        else await output.line(lineOf(event));
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    return ExitCode.ok;
  },
});

function lineOf({ atMs, kind, agent, commandId, message }: Event): string {
  const words = [
    localTime(Number(atMs)),
    kind,
    agent,
    commandId === undefined ? "" : `command ${commandId}`,
    message,
  ];
  return oneLine(words.filter((word) => word !== "").join("  "));
}
