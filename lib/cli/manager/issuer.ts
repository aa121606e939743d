import type { Issuer } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { CI_KINDS } from "../../base/ci_kind.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { isoTime } from "../time.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { readTextFile } from "./text_file.ts";

const NAME = {
  name: { type: "one", summary: "name of the issuer" },
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
    jwks: {
      type: "string",
      value: "FILE",
      summary:
        "its public keys, a JSON Web Key Set: then nothing is ever fetched from it",
    },
    ca: {
      type: "string",
      value: "FILE",
      summary:
        "PEM of the authority of its certificate, if it is a private one",
    },
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
    const text = async (flag: "jwks" | "ca") => {
      const path = flags[flag];
      return path === undefined ? "" : await readTextFile(flag, path, terminal);
    };
    const [jwks, ca] = [await text("jwks"), await text("ca")];
    using control = await services.connect(dir);
    const { issuer } = await control.issuers.addIssuer({
      name,
      kind,
      url,
      jwks,
      ca,
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
    await control.issuers.removeIssuer({ name, requestedBy: userOf(terminal) });
    await output.either({ name, removed: true }, `removed issuer "${name}"`);
    return ExitCode.ok;
  },
});

/** `issuer add|list|remove`: CIs whose jobs log in without a stored secret. */
export const issuer: Group<ManagerServices> = {
  name: "issuer",
  summary: "let CI jobs log in without a stored secret",
  subcommands: [add, list, remove],
  synonyms: {
    create: "piri-manager issuer add",
    delete: "piri-manager issuer remove",
    ls: "piri-manager issuer list",
    new: "piri-manager issuer add",
    rm: "piri-manager issuer remove",
    show: "piri-manager issuer list",
  },
};

function issuerJson(
  { name, kind, url, keysGiven, caGiven, createdAtMs }: Issuer,
): Record<string, unknown> {
  const createdAt = isoTime(createdAtMs);
  return { name, kind, url, keysGiven, caGiven, createdAt };
}
