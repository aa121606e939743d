import type {
  GetStatusResponse,
  WriteFailure,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { statusMetrics } from "../../base/status_metrics.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { bytesText } from "../text.ts";
import { statusJson } from "./json.ts";
import type { ManagerServices } from "./services.ts";

/** `status`: shows the status of the Manager. */
export const status = defineSubcommand({
  name: "status",
  summary: "show the state of the Manager: agents, commands, storage",
  positionals: {},
  flags: {
    prometheus: {
      type: "boolean",
      apart: ["json"],
      summary: "print the numbers in the text format of Prometheus",
    },
  },
  examples: ["", "--json", "--prometheus"],
  async execute(
    { dir, json, output, flags: { prometheus } },
    services: ManagerServices,
  ) {
    if (json && prometheus) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        'Cannot print both: give either "--json" or "--prometheus"',
      );
    }
    using control = await services.connect(dir);
    const status = await control.status.getStatus({});
    if (prometheus) await output.line(statusMetrics(status).trimEnd());
    else if (json) await output.value(statusJson(status));
    else await output.facts(factsOf(status, output));
    return ExitCode.ok;
  },
});

function failureText(
  failure: WriteFailure | undefined,
  output: Output,
): string {
  if (failure === undefined) return "";
  const { sinceMs, lastMs, reason } = failure;
  return `since ${output.fullTime(sinceMs)}, last tried ${
    output.fullTime(lastMs)
  }: ${reason}`;
}

function factsOf(
  status: GetStatusResponse,
  output: Output,
): Record<string, string> {
  const { retention } = status;
  const counted = Object.entries(status.counters)
    .filter(([, count]) => count > 0n)
    .toSorted(([one], [other]) => one < other ? -1 : 1)
    .map(([name, count]) => [name, String(count)]);
  return {
    version: status.version,
    "manager id": status.managerId,
    started: output.fullTime(status.startedAtMs),
    listens: status.listen,
    advertises: status.advertise,
    agents: `${status.agentsConnected} of ${status.agentsKnown} connected`,
    commands: `${status.commandsOpen} open, ${status.commandsTotal} in all`,
    output: bytesText(status.outputBytes),
    database: bytesText(status.databaseBytes),
    inputs: status.blobs === undefined
      ? ""
      : `${status.blobs.count} kept, ${
        bytesText(status.blobs.bytes)
      } of at most ${bytesText(status.blobs.limitBytes)}`,
    "cannot write": failureText(status.writeFailure, output),
    keeps: retention === undefined
      ? ""
      : `${retention.days} days, ${
        bytesText(retention.outputBytes)
      } of output, ` +
        `${bytesText(retention.outputBytesPerCommand)} of a command`,
    "certificate ends": output.fullTime(status.certificateExpiresAtMs),
    ...Object.fromEntries(counted),
  };
}
