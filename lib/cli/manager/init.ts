import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import {
  CA_CERT_FLAG,
  CA_KEY_FLAG,
  readAuthorityCertificate,
  readAuthorityKey,
} from "./authority_key_flag.ts";
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
    ...CA_KEY_FLAG,
    ...CA_CERT_FLAG,
  },
  more: [{
    title: "An authority whose key is kept elsewhere",
    lines: [
      ["--ca-key", "certifies this Manager, and is not written to the folder"],
      ["renewal", "piri-manager ca renew --ca-key FILE, within 90 days"],
      [
        "a new key",
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key",
      ],
    ],
  }],
  examples: [
    `--listen ${DEFAULT_LISTEN} --advertise mgr.example.org:7051`,
    "--ca-key ca.key.age --identity me.txt",
  ],
  async execute(
    { flags, stateDir: dir, output, terminal },
    services: ManagerServices,
  ) {
    const authority = await readAuthorityCertificate(flags);
    const authorityKey = await readAuthorityKey(flags, terminal);
    const made = await services.init({
      dir,
      listen: flags.listen ?? DEFAULT_LISTEN,
      advertise: flags.advertise,
      ...authorityKey === undefined ? {} : { authorityKey },
      ...authority === undefined ? {} : { authority },
    });
    await output.either(
      made,
      ...made.files,
      `listens on ${made.listen}, agents use ${made.advertise}`,
      `authority: SHA-256 ${made.fingerprint}`,
    );
    if (authorityKey !== undefined) {
      await output.note(
        "The authority's key is not in the folder: run piri-manager ca renew --ca-key FILE when the Manager says so, within 90 days",
      );
    }
    return ExitCode.ok;
  },
});
