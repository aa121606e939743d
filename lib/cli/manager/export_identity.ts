import { PiriError } from "../../base/errors.ts";
import { writeFileAtomically } from "../../base/files.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { CA_KEY_FLAG, readAuthorityKey } from "./authority_key_flag.ts";
import type { ManagerServices } from "./services.ts";

/** Longest secret that GitHub keeps, in bytes: 48 KB. */
const GITHUB_BYTES = 48 * 1_024;

/** Longest environment variable of Linux with its name, in bytes (MAX_ARG_STRLEN). */
const VARIABLE_BYTES = 131_072 - "PIRI_STATE=".length - 1;

/** Text for the keys and for one agent, about, in bytes: measured with names of 20 characters. */
const KEY_BYTES = 1_750;
const BYTES_PER_AGENT = 77;

/** `export-identity`: prints what makes this Manager the same one in a CI job. */
export const exportIdentity = defineSubcommand({
  name: "export-identity",
  summary: "print keys and agents as one secret text, for CI",
  positionals: {},
  flags: {
    out: {
      type: "string",
      value: "FILE",
      summary: "write the text to a file that only you can read",
    },
    yes: {
      type: "boolean",
      summary: "print the secret even to a terminal",
    },
    "no-facts": {
      type: "boolean",
      summary:
        "leave out the facts of agents: expressions such as os.name=debian then mean connected agents only",
    },
    ...CA_KEY_FLAG,
    large: {
      type: "boolean",
      summary:
        "allow a text that is too long for a GitHub secret: up to 128 KiB",
    },
  },
  hints: {
    output: "for a file: --out FILE",
    force: "to print it to a terminal: --yes",
  },
  more: [{
    title: "The text",
    lines: [
      ["holds", "keys, certificates, addresses, agents with their proofs"],
      ["lacks", "history, join tokens, and the folders data, files and states"],
      ["gives", "all rights on all agents, to everybody who has it"],
    ],
  }],
  examples: [
    "| gh secret set PIRI_STATE",
    "--out piri-state.txt",
  ],
  async execute(
    { flags, stateDir: dir, output, terminal },
    services: ManagerServices,
  ) {
    if (flags.out === undefined && terminal.stdout.isTerminal && !flags.yes) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        "Cannot print the secret: standard output is a terminal, which may keep it",
        "--out FILE writes a file, | gh secret set PIRI_STATE sends it on, --yes prints it",
      );
    }
    const { text, joined, notJoined } = await services.exportIdentity(dir, {
      withFacts: !flags["no-facts"],
      authorityKey: await readAuthorityKey(flags, terminal),
    });
    checkSize(text, { joined, large: flags.large });
    await output.note(
      `This text is a secret: whoever has it can run anything on ${
        joined === 1 ? "the agent" : `all ${joined} agents`
      } of this Manager`,
    );
    if (notJoined.length > 0) {
      await output.note(
        `Not joined, so not reached by it before it is exported again: ${
          foldNames(notJoined)
        }`,
      );
    }
    const { out } = flags;
    if (out !== undefined) {
      await writeFileAtomically(out, `${text}\n`, { random: terminal.random });
    }
    const bytes = text.length;
    await output.either(
      { ...(out === undefined ? { text } : { file: out }), bytes, joined },
      out === undefined ? text : `${out}: ${bytes} bytes, ${joined} agents`,
    );
    return ExitCode.ok;
  },
});

/** @throws {PiriError} FAILED_PRECONDITION for a text that cannot be kept where it is to go */
function checkSize(
  { length }: string,
  { joined, large }: { joined: number; large: boolean },
): void {
  const limit = large ? VARIABLE_BYTES : GITHUB_BYTES;
  if (length <= limit) return;
  const fit = Math.floor((limit - KEY_BYTES) / BYTES_PER_AGENT / 100) * 100;
  const facts =
    `Cannot export the identity: its ${joined} agents make ${length} bytes, and the limit`;
  if (large) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `${facts} of an environment variable is ${limit} bytes, about ${fit} agents; keep the state folder instead, and use run --serve --dir`,
    );
  }
  throw new HintedError(
    "FAILED_PRECONDITION",
    `${facts} of a GitHub secret is ${limit} bytes, about ${fit} agents`,
    "--no-facts makes it shorter if agents have many facts; --large prints it for a store that takes more, or to be kept in several secrets (docs/ci.md)",
  );
}
