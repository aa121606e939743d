import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { ManagerServices } from "./services.ts";

/** `data web-1 web.port --explain` shows the merged data of an agent, and the file and line of each part. */
export const data = defineSubcommand({
  name: "data",
  summary: "show the data of an agent, merged from its layers",
  positionals: {
    agent: { type: "one", summary: "name of the agent" },
    key: {
      type: "optional",
      summary: "dotted key, as web.port; all if absent",
    },
  },
  flags: {
    explain: {
      type: "boolean",
      summary: "tell the file and line that each part comes from",
    },
  },
  examples: ["web-1", "web-1 web.port", "web-1 web --explain"],
  async execute(
    { positionals: { agent, key = "" }, flags, stateDir, json, output },
    services: ManagerServices,
  ) {
    const desk = await services.states(stateDir);
    const { value, parts } = await desk.data(agent, key);
    if (value === undefined) {
      throw new HintedError(
        "NOT_FOUND",
        `Cannot show "${key}": "${agent}" has no data of this key`,
        `piri-manager data ${agent} shows all of it`,
      );
    }
    if (flags.explain) {
      await output.list(parts, {
        json: (part) => part,
        columns: {
          KEY: (part) => part.key,
          VALUE: (part) => JSON.stringify(part.value),
          FROM: ({ file, line }) => `${file}:${line}`,
        },
      });
      return ExitCode.ok;
    }
    if (json) {
      await output.value(value);
      return ExitCode.ok;
    }
    const { stringify } = await import("yaml");
    await output.line(stringify(value).trimEnd());
    return ExitCode.ok;
  },
});
