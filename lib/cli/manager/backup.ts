import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { bytesText } from "../text.ts";
import type { ManagerServices } from "./services.ts";

/** `backup`: copies the state folder, also while the Manager runs. */
export const backup = defineSubcommand({
  name: "backup",
  summary: "copy the Manager's state folder, also while it runs",
  positionals: {
    folder: {
      type: "one",
      summary: "folder to make; it is whole once it has this name",
    },
  },
  flags: {
    "without-keys": {
      type: "boolean",
      summary:
        "leave out the private keys; keep copies of them apart from the backups",
    },
  },
  more: [{
    title: "The folder",
    lines: [
      ["holds", "agents, history, output, configuration, files, keys"],
      [
        "gives",
        "all rights on all agents to everybody who has it, unless the keys are left out",
      ],
      ["starts", "piri-manager serve --dir FOLDER (docs/backup.md)"],
    ],
  }],
  examples: [
    "/backup/piri-$(date +%F)",
    "/backup/piri-$(date +%F) --without-keys",
  ],
  async execute(
    { positionals, flags, stateDir, output },
    services: ManagerServices,
  ) {
    const { dir, files, bytes, leftOut, lack } = await services.backUp(
      stateDir,
      {
        to: positionals.folder,
        withKeys: !flags["without-keys"],
      },
    );
    const damage = lack === undefined ? {} : { lack };
    await output.report({ dir, files, bytes, leftOut, ...damage }, [
      `${dir}: ${files} files, ${bytesText(BigInt(bytes))}`,
      ...leftOut.length === 0
        ? [
          "It is as secret as the state folder: whoever has it can run anything on all agents",
        ]
        : [`Without ${leftOut.join(", ")}: a Manager needs them to start`],
      ...lack === undefined
        ? []
        : [`Some output is lost, in the state folder as well: ${lack}`],
    ]);
    return ExitCode.ok;
  },
});
