import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { agentJson } from "./json.ts";
import type { ManagerServices } from "./services.ts";
import { cannotWriteText } from "./storage_text.ts";

/** `agents`: lists the agents and their connections. */
export const agents = defineSubcommand({
  name: "agents",
  summary: "list the agents and whether they are connected",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { agents, writeFailure } = await control.agents.listAgents({});
    await output.list(agents, {
      json: agentJson,
      columns: {
        NAME: ({ id }) => id,
        STATE: ({ connected, joined, retired, revokedAtMs }) =>
          revokedAtMs !== undefined
            ? "revoked"
            : `${
              connected ? "connected" : joined ? "disconnected" : "not joined"
            }${retired ? ", retired" : ""}`,
        SINCE: ({ sinceMs }) => output.time(sinceMs),
        ADDRESS: ({ address }) => address,
        VERSION: ({ version, facts }) =>
          facts["installation.trial"] === undefined
            ? version
            : `${version}, on trial`,
        PROTOCOL: ({ protocol }) => protocol,
        GROUPS: ({ groups }) => groups.join(" "),
      },
    });
    if (writeFailure !== undefined) {
      await output.note(
        `${
          cannotWriteText(writeFailure)
        }; agents that report something are sent away until it can`,
      );
    }
    return ExitCode.ok;
  },
});
