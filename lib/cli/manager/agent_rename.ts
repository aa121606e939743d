import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { withAgentHint } from "./hints.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

/** `agent rename`: gives an agent another name. */
export const agentRename = defineSubcommand({
  name: "rename",
  summary: "give an agent another name, with its history",
  positionals: {
    name: { type: "one", summary: "name of the agent" },
    "new-name": { type: "one", summary: "name that no agent ever had" },
  },
  flags: {},
  examples: ["web-1 shop-1"],
  async execute(
    { positionals, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = positionals.name;
    const newId = positionals["new-name"];
    using control = await services.connect(dir);
    const { told } = await withAgentHint(
      control.agents.renameAgent({
        id,
        newId,
        requestedBy: userOf(terminal),
      }),
      id,
      control,
    );
    await output.either(
      { id: newId, formerId: id, told },
      `renamed agent "${id}" to "${newId}": ${
        told
          ? "it is connected, and learns its name"
          : "it is away, and learns its name when it dials"
      }`,
    );
    return ExitCode.ok;
  },
});
