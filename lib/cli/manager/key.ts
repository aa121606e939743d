import { fingerprint } from "../../base/signing_key.ts";
import { signerText } from "../../base/signed_work.ts";
import { defineSubcommand, type Group, type HelpSection } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import type { Terminal } from "../terminal.ts";
import {
  makeOperatorKey,
  type OperatorKey,
  readOperatorKey,
} from "./operator_key.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

const ABOUT: HelpSection = {
  title: "The key",
  lines: [
    ["what it is for", "run --sign and sign: hosts check who signed"],
    ["where it is", "beside your settings, readable by you alone"],
    ["the line", 'for "signers" in policy.yaml of the hosts, by their owner'],
  ],
};

const NAME = {
  type: "string",
  value: "NAME",
  summary: "name in the line that is printed (default: your user name)",
} as const;

const make = defineSubcommand({
  name: "make",
  summary: "make your signing key, and print its line for policy.yaml",
  positionals: {},
  flags: {
    name: NAME,
    out: {
      type: "string",
      value: "FILE",
      summary: "file to write (default: signing-key.pem beside your settings)",
    },
  },
  more: [ABOUT],
  examples: ["", "--name alice --out alice.pem"],
  async execute({ flags, output, terminal }, _services: ManagerServices) {
    const made = await makeOperatorKey(terminal, flags.out);
    await output.note(`made ${made.path}: keep it, and show it to nobody`);
    await print(made, { name: flags.name, output, terminal });
    return ExitCode.ok;
  },
});

const show = defineSubcommand({
  name: "show",
  summary: "print the line for policy.yaml of your key",
  positionals: {},
  flags: {
    name: NAME,
    key: {
      type: "string",
      value: "FILE",
      summary: "file with the key (default: signing-key.pem)",
    },
  },
  more: [ABOUT],
  examples: ["", "--key alice.pem --name alice"],
  async execute({ flags, output, terminal }, _services: ManagerServices) {
    const found = await readOperatorKey(terminal, flags.key);
    await print(found, { name: flags.name, output, terminal });
    return ExitCode.ok;
  },
});

async function print(
  { path, key: { publicKey } }: OperatorKey,
  { name, output, terminal }: {
    readonly name: string | undefined;
    readonly output: Output;
    readonly terminal: Terminal;
  },
): Promise<void> {
  const signer = name ?? (userOf(terminal) || "me");
  const key = signerText(publicKey);
  await output.either(
    { name: signer, key, fingerprint: fingerprint(publicKey), path },
    `${signer}: "${key}"`,
  );
}

/** `key make|show`: the operator's key for signing. */
export const key: Group<ManagerServices> = {
  name: "key",
  summary: "make or show your key, by which hosts know what you signed",
  subcommands: [make, show],
  synonyms: {
    create: "piri-manager key make",
    generate: "piri-manager key make",
    list: "piri-manager key show",
    new: "piri-manager key make",
    print: "piri-manager key show",
    public: "piri-manager key show",
  },
};
