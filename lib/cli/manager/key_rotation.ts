import { KeyKind } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { RotatedKey } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { oneLine } from "../text.ts";
import { time } from "./json_values.ts";
import { exportAuthority, renew } from "./authority_key.ts";
import {
  CA_CERT_FLAG,
  CA_KEY_FLAG,
  readAuthorityCertificate,
  readAuthorityKey,
} from "./authority_key_flag.ts";
import type { Control, ManagerServices } from "./services.ts";
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
    apart: ["ca-cert"],
    summary:
      "give the old one up; refused while an agent does not trust the new one",
  },
  without: {
    type: "repeated",
    needs: ["finish"],
    value: "NAME",
    summary: "with --finish: leave this agent behind; it has to join again",
  },
} as const;

const rotateAuthority = defineSubcommand({
  name: "rotate",
  summary: "make a new authority and tell it to the agents",
  positionals: {},
  flags: { ...flags, ...CA_KEY_FLAG, ...CA_CERT_FLAG },
  more: [{
    title: "A new authority whose key is kept elsewhere",
    lines: [
      ["--ca-key", "stays here: the Manager gets certificates, not the key"],
      ["--finish", "needs it again, by --ca-key"],
    ],
  }],
  examples: [
    "",
    "--finish",
    "--finish --without old-1",
    "--ca-key next.key",
    "--finish --ca-key next.key",
  ],
  async execute({ flags, dir, output, terminal }, services: ManagerServices) {
    const { finish, without } = flags;
    requireFinish(flags);
    if (finish && flags["ca-cert"] !== undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        "Cannot use --ca-cert with --finish: the Manager has the certificate",
      );
    }
    const authority = await readAuthorityCertificate(flags);
    const authorityKey = await readAuthorityKey(flags, terminal);
    const given = authorityKey === undefined || finish
      ? undefined
      : await services.authorityCertificate(authorityKey, authority);
    using control = await services.connect(dir);
    await rotate(AUTHORITY, {
      keys: control.keys,
      output,
      finish,
      without,
      requestedBy: userOf(terminal),
      given: finish && authorityKey !== undefined
        ? await issueByNext(authorityKey, control.keys, services)
        : given,
    });
    return ExitCode.ok;
  },
});

const rotateManagerKey = defineSubcommand({
  name: "rotate-key",
  summary: "make a new key and tell it to the agents",
  positionals: {},
  flags,
  examples: ["", "--finish", "--finish --without old-1"],
  async execute({ flags, dir, output, terminal }, services: ManagerServices) {
    requireFinish(flags);
    using control = await services.connect(dir);
    await rotate(MANAGER, {
      keys: control.keys,
      output,
      ...flags,
      requestedBy: userOf(terminal),
    });
    return ExitCode.ok;
  },
});

function requireFinish(
  { finish, without }: { finish: boolean; without: readonly string[] },
): void {
  if (finish || without.length === 0) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot leave agents behind: --without is only for --finish",
  );
}

/** Certificate of the server by the next authority, whose key is here. */
async function issueByNext(
  authorityKey: string,
  keys: Control["keys"],
  services: ManagerServices,
): Promise<string> {
  const { certificate, nextAuthority, names } = await keys.getCertificate({});
  if (nextAuthority === "") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot finish the rotation of the authority: none is under way",
    );
  }
  return await services.issueCertificate({
    authorityKey,
    authority: nextAuthority,
    certificate,
    names,
  });
}

/** Begins or ends a rotation, and tells it. */
async function rotate(
  words: KeyWords,
  { keys, output, finish, without, requestedBy, given = "" }: {
    readonly keys: Control["keys"];
    readonly output: Output;
    readonly finish: boolean;
    readonly without: readonly string[];
    readonly requestedBy: string;
    /** Certificate of the next authority, or by it, if its key is kept elsewhere. */
    readonly given?: string | undefined;
  },
): Promise<void> {
  const { kind } = words;
  if (!finish) {
    const { key } = await keys.startRotation({
      kind,
      requestedBy,
      authority: given,
    });
    return await output.either(
      { ...keyJson(key), finished: false },
      ...startedLines(words, key, given === "" ? "" : WITH_KEY),
    );
  }
  const { key, leftBehind } = await keys.finishRotation({
    kind,
    without: [...without],
    requestedBy,
    certificate: given,
  });
  await output.either(
    { ...keyJson(key), finished: true, leftBehind },
    ...finishedLines(words, key, leftBehind),
  );
}

/** End of the line that finishes a rotation to an authority whose key is kept elsewhere. */
const WITH_KEY = " --ca-key FILE";

const status = defineSubcommand({
  name: "status",
  summary: "show the keys that agents trust, and rotations under way",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, json, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { authority, manager, hasAuthorityKey, hasNextAuthorityKey } =
      await control.keys.getKeys({});
    if (json) {
      await output.value({
        authority: keyJson(authority),
        manager: keyJson(manager),
        hasAuthorityKey,
        hasNextAuthorityKey,
      });
    } else {
      await output.facts({
        ...factsOf(
          AUTHORITY,
          authority,
          output,
          hasNextAuthorityKey ? "" : WITH_KEY,
        ),
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
    rotateAuthority,
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
  subcommands: [rotateManagerKey],
  synonyms: {
    rotate: "piri-manager manager rotate-key",
    status: "piri-manager status",
  },
};

function startedLines(
  { noun, line }: KeyWords,
  key: RotatedKey | undefined,
  more: string,
): string[] {
  const missing = key?.missing ?? [];
  return [
    oneLine(
      `the next ${noun} is ${key?.nextFingerprint}; the old one stays in use`,
    ),
    missing.length === 0
      ? `every agent trusts it: ${line} --finish${more}`
      : oneLine(
        `${missing.length} to be told: ${
          foldNames(missing)
        }; see piri-manager ca status, then ${line} --finish${more}`,
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
  more = "",
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
        ? ` (${line} --finish${more})`
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
