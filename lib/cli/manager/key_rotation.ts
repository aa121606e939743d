import {
  KeyKind,
  type RotatedKey,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { PiriError } from "../../base/errors.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { oneLine } from "../text.ts";
import { time } from "./json_values.ts";
import { exportAuthority, renew } from "./authority_key.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

/** Words of a kind of key. */
interface KeyWords {
  readonly kind: KeyKind;
  /** Name in the texts. */
  readonly noun: string;
  /** Line that rotates it. */
  readonly line: string;
  /** Effect of the end of a rotation on others than agents. */
  readonly after: string;
}

const AUTHORITY: KeyWords = {
  kind: KeyKind.AUTHORITY,
  noun: "authority",
  line: "piri-manager ca rotate",
  after:
    "operators on other machines log in again, and join tokens that were made before are of no use",
};

const MANAGER: KeyWords = {
  kind: KeyKind.MANAGER,
  noun: "key of the Manager",
  line: "piri-manager manager rotate-key",
  after: "join tokens for many hosts that were made before are of no use",
};

const flags = {
  finish: {
    type: "boolean",
    summary:
      "give the old one up; refused while an agent does not trust the new one",
  },
  without: {
    type: "repeated",
    value: "NAME",
    summary:
      "with --finish: leave this agent behind; it has to join again (repeatable)",
  },
} as const;

/** Subcommand that rotates one kind of key. */
function rotation(name: string, summary: string, words: KeyWords) {
  return defineSubcommand({
    name,
    summary,
    positionals: {},
    flags,
    examples: ["", "--finish", "--finish --without old-1"],
    async execute(
      { flags: { finish, without }, dir, output, terminal },
      services: ManagerServices,
    ) {
      if (without.length > 0 && !finish) {
        throw new PiriError(
          "INVALID_ARGUMENT",
          "Cannot leave agents behind: --without is only for --finish",
        );
      }
      using control = await services.connect(dir);
      const { kind } = words;
      const requestedBy = userOf(terminal);
      if (finish) {
        const { key, leftBehind } = await control.keys.finishRotation({
          kind,
          without: [...without],
          requestedBy,
        });
        await output.either(
          { ...keyJson(key), finished: true, leftBehind },
          ...finishedLines(words, key, leftBehind),
        );
      } else {
        const { key } = await control.keys.startRotation({ kind, requestedBy });
        await output.either(
          { ...keyJson(key), finished: false },
          ...startedLines(words, key),
        );
      }
      return ExitCode.ok;
    },
  });
}

const status = defineSubcommand({
  name: "status",
  summary: "show the keys that agents trust, and rotations under way",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, json, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { authority, manager, hasAuthorityKey } = await control.keys
      .getKeys({});
    if (json) {
      await output.value({
        authority: keyJson(authority),
        manager: keyJson(manager),
        hasAuthorityKey,
      });
    } else {
      await output.facts({
        ...factsOf(AUTHORITY, authority, output),
        ...hasAuthorityKey ? {} : {
          "authority's key":
            "kept elsewhere: the certificate is renewed by piri-manager ca renew --ca-key FILE",
        },
        ...factsOf(MANAGER, manager, output),
      });
    }
    return ExitCode.ok;
  },
});

/** `ca status|rotate|renew|export`: the authority, which certifies the Manager. */
export const ca: Group<ManagerServices> = {
  name: "ca",
  summary: "show or rotate the authority that certifies the Manager",
  subcommands: [
    status,
    rotation(
      "rotate",
      "make a new authority and tell it to the agents",
      AUTHORITY,
    ),
    renew,
    exportAuthority,
  ],
  synonyms: {
    list: "piri-manager ca status",
    show: "piri-manager ca status",
  },
};

/** `manager rotate-key`: the key by which the Manager proves itself. */
export const manager: Group<ManagerServices> = {
  name: "manager",
  summary: "rotate the key by which the Manager proves itself",
  subcommands: [
    rotation(
      "rotate-key",
      "make a new key and tell it to the agents",
      MANAGER,
    ),
  ],
  synonyms: {
    rotate: "piri-manager manager rotate-key",
    status: "piri-manager status",
  },
};

function startedLines(
  { noun, line }: KeyWords,
  key: RotatedKey | undefined,
): string[] {
  const missing = key?.missing ?? [];
  return [
    oneLine(
      `the next ${noun} is ${key?.nextFingerprint}; the old one stays in use`,
    ),
    missing.length === 0 ? `every agent trusts it: ${line} --finish` : oneLine(
      `${missing.length} to be told: ${
        foldNames(missing)
      }; see piri-manager ca status, then ${line} --finish`,
    ),
  ];
}

function finishedLines(
  { noun, after }: KeyWords,
  key: RotatedKey | undefined,
  leftBehind: readonly string[],
): string[] {
  return [
    oneLine(`the ${noun} is ${key?.fingerprint} from now on; ${after}`),
    ...leftBehind.map((name) =>
      oneLine(
        `left behind: ${name}; let it join again, by "piri-manager agent token ${name}" and "piri-agent join TOKEN --replace" on the host`,
      )
    ),
  ];
}

function factsOf(
  { noun, line }: KeyWords,
  key: RotatedKey | undefined,
  output: Output,
): Record<string, string> {
  if (key === undefined) return {};
  const { missing, nextFingerprint, trustedBy } = key;
  const facts = {
    [noun]: key.fingerprint,
    ...key.expiresAtMs === undefined
      ? {}
      : { "authority ends": output.fullTime(key.expiresAtMs) },
  };
  if (nextFingerprint === "") return facts;
  return {
    ...facts,
    [`next ${noun}`]: nextFingerprint,
    [`next ${noun} trusted by`]: `${trustedBy} of ${
      trustedBy + missing.length
    } agents${
      missing.length === 0
        ? ` (${line} --finish)`
        : `, not by ${foldNames(missing)}`
    }`,
  };
}

function keyJson(key: RotatedKey | undefined): Record<string, unknown> {
  return {
    fingerprint: key?.fingerprint ?? null,
    expiresAt: time(key?.expiresAtMs),
    nextFingerprint: key?.nextFingerprint || null,
    trustedBy: key?.trustedBy ?? 0,
    missing: key?.missing ?? [],
  };
}
