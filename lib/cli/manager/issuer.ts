import type { Issuer } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { CI_KINDS } from "../../base/ci_kind.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Terminal } from "../terminal.ts";
import { isoTime } from "../time.ts";
import { withIssuerHint } from "./find_issuer.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { readTextFile } from "./text_file.ts";

const NAME = {
  name: { type: "one", summary: "name of the issuer" },
} as const;

const FILES = {
  jwks: {
    type: "string",
    value: "FILE",
    summary:
      "its public keys, a JSON Web Key Set: then nothing is ever fetched from it",
  },
  ca: {
    type: "string",
    value: "FILE",
    summary: "PEM of the authority of its certificate, if it is a private one",
  },
} as const;

const add = defineSubcommand({
  name: "add",
  summary: "trust the tokens that a CI gives to its jobs",
  positionals: {
    name: {
      type: "one",
      summary: "name for it; github and gitlab are known without a URL",
    },
  },
  flags: {
    url: {
      type: "string",
      value: "URL",
      summary:
        'its https URL, as its tokens have it in "iss" (default: that of github.com or gitlab.com)',
    },
    kind: {
      type: "choice",
      choices: CI_KINDS,
      summary: "kind of CI, if neither its name, URL nor server tells it",
    },
    ...FILES,
  },
  examples: [
    "github",
    "gitlab --url https://gitlab.example.org --ca ca.pem",
    "ci --url https://ci.example.org --jwks keys.json",
  ],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const { url = "", kind = "" } = flags;
    const files = await filesOf(flags, terminal);
    using control = await services.connect(dir);
    const { issuer } = await control.issuers.addIssuer({
      name,
      kind,
      url,
      ...files,
      requestedBy: userOf(terminal),
    });
    await output.either(
      issuer === undefined ? { name } : issuerJson(issuer),
      `added issuer "${name}"${issuer === undefined ? "" : `: ${issuer.url}`}`,
    );
    await output.note(
      `nobody may log in by it yet; piri-manager operator add NAME --from ${name} --claim NAME=VALUE says who`,
    );
    return ExitCode.ok;
  },
});

const set = defineSubcommand({
  name: "set",
  summary: "give an issuer other keys, or another authority",
  positionals: NAME,
  flags: FILES,
  examples: ["jenkins --jwks keys.json"],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const files = await filesOf(flags, terminal);
    if (files.jwks === "" && files.ca === "") {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot change issuer "${name}": "--jwks" or "--ca" is missing`,
      );
    }
    using control = await services.connect(dir);
    const { issuer } = await withIssuerHint(
      control.issuers.setIssuer({
        name,
        ...files,
        requestedBy: userOf(terminal),
      }),
      name,
      { control },
    );
    await output.either(
      issuer === undefined ? { name } : issuerJson(issuer),
      `changed issuer "${name}"`,
    );
    return ExitCode.ok;
  },
});

const list = defineSubcommand({
  name: "list",
  summary: "list the issuers",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { issuers } = await control.issuers.listIssuers({});
    await output.list(issuers, {
      json: issuerJson,
      columns: {
        NAME: ({ name }) => name,
        KIND: ({ kind }) => kind,
        URL: ({ url }) => url,
        KEYS: ({ keysGiven }) => keysGiven ? "given" : "fetched",
      },
    });
    return ExitCode.ok;
  },
});

const remove = defineSubcommand({
  name: "remove",
  summary: "remove an issuer that no operator logs in by",
  positionals: NAME,
  flags: {},
  examples: ["github"],
  async execute(
    { positionals: { name }, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    await withIssuerHint(
      control.issuers.removeIssuer({ name, requestedBy: userOf(terminal) }),
      name,
      { control },
    );
    await output.either({ name, removed: true }, `removed issuer "${name}"`);
    return ExitCode.ok;
  },
});

/** `issuer add|list|set|remove`: CIs whose jobs log in without a stored secret. */
export const issuer: Group<ManagerServices> = {
  name: "issuer",
  summary: "let CI jobs log in without a stored secret",
  subcommands: [add, list, set, remove],
  synonyms: {
    create: "piri-manager issuer add",
    delete: "piri-manager issuer remove",
    ls: "piri-manager issuer list",
    new: "piri-manager issuer add",
    rm: "piri-manager issuer remove",
    show: "piri-manager issuer list",
    update: "piri-manager issuer set",
  },
};

/** Contents of the files that were named; empty for none. */
async function filesOf(
  { jwks, ca }: {
    readonly jwks: string | undefined;
    readonly ca: string | undefined;
  },
  terminal: Terminal,
): Promise<{ jwks: string; ca: string }> {
  const read = async (flag: string, path: string | undefined) =>
    path === undefined ? "" : await readTextFile(flag, path, terminal);
  return { jwks: await read("jwks", jwks), ca: await read("ca", ca) };
}

function issuerJson(
  { name, kind, url, keysGiven, caGiven, createdAtMs }: Issuer,
): Record<string, unknown> {
  const createdAt = isoTime(createdAtMs);
  return { name, kind, url, keysGiven, caGiven, createdAt };
}
