import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { ManagerServices } from "./services.ts";

const DEFAULT_LISTEN = "0.0.0.0:7051";

/** `init`: makes the state folder of a Manager. */
export const init = defineSubcommand({
  name: "init",
  summary: "make the state folder: authority, certificate, keys, database",
  positionals: {},
  flags: {
    listen: {
      type: "string",
      value: "ADDRESS",
      summary: `address to accept agents on (default: ${DEFAULT_LISTEN})`,
    },
    advertise: {
      type: "string",
      value: "ADDRESS",
      summary:
        "name and port of this host that agents dial (default: as --listen)",
    },
  },
  examples: [
    `--listen ${DEFAULT_LISTEN} --advertise mgr.example.org:7051`,
  ],
  async execute({ flags, stateDir: dir, output }, services: ManagerServices) {
    const made = await services.init({
      dir,
      listen: flags.listen ?? DEFAULT_LISTEN,
      advertise: flags.advertise,
    });
    await output.either(
      made,
      ...made.files,
      `listens on ${made.listen}, agents use ${made.advertise}`,
      `authority: SHA-256 ${made.fingerprint}`,
    );
    return ExitCode.ok;
  },
});
