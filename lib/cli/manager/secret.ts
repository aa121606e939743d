import type { Secret } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { checkSecret } from "../../base/masking/secret_text.ts";
import { defineSubcommand, type Group, type HelpSection } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { askSecret } from "../secret_prompt.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { TARGET_HELP } from "./target_flags.ts";

const NAME = { name: { type: "one", summary: "name of the secret" } } as const;

const PLACE = {
  group: {
    type: "string",
    apart: ["agent"],
    value: "GROUP",
    summary: "the secret of the agents of a group",
  },
  agent: {
    type: "string",
    value: "AGENT",
    summary: "the secret of one agent, which counts before that of a group",
  },
} as const;

const FOR = {
  type: "string",
  value: "TARGETS",
  mayBeEmpty: true,
  summary:
    "target expression of the agents that get it; '' (and by default): none for commands, all of its place for states",
} as const;

const HELP: HelpSection = {
  title: "Which secret an agent gets (the first that is there)",
  lines: [
    ["--agent", "its own"],
    ["--group", "that of its groups, the last one first"],
    ["neither", "that of all agents"],
    [
      "--for",
      "in any case only if it is for the agent, and a command names it",
    ],
  ],
};

const set = defineSubcommand({
  name: "set",
  summary: "set a secret; the value is typed, or comes from stdin",
  positionals: NAME,
  flags: { for: FOR, ...PLACE },
  more: [HELP, TARGET_HELP],
  examples: [
    "deploy-token --for @web",
    "db-password --group db --for @db < password.txt",
  ],
  async execute(
    { positionals: { name }, flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    const place = placeOf(flags);
    const value = await askSecret(`Secret "${name}"`, terminal);
    checkSecret(value.open(), `the secret "${name}"`);
    using control = await services.connect(dir);
    await control.secrets.setSecret({
      name,
      ...place,
      value: value.open(),
      requestedBy: userOf(terminal),
      ...flags.for === undefined ? {} : { forTargets: flags.for },
    });
    await output.either({ name, ...flags }, `the secret "${name}" is set`);
    if (flags.for === undefined && !json) {
      await output.note(
        `states can use it; commands get it once it is for some agents: piri-manager secret edit ${name} --for TARGETS`,
      );
    }
    return ExitCode.ok;
  },
});

const edit = defineSubcommand({
  name: "edit",
  summary: "change which agents get a secret; its value stays",
  positionals: NAME,
  flags: { for: FOR, ...PLACE },
  more: [HELP, TARGET_HELP],
  examples: ["deploy-token --for '@web ! web-07'", "deploy-token --for ''"],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const { for: forTargets } = flags;
    if (forTargets === undefined) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        'Cannot edit a secret: "--for" is missing',
        "piri-manager secret set changes its value",
      );
    }
    using control = await services.connect(dir);
    await control.secrets.editSecret({
      name,
      ...placeOf(flags),
      forTargets,
      requestedBy: userOf(terminal),
    });
    await output.either(
      { name, ...flags },
      forTargets === ""
        ? `the secret "${name}" is for no commands, and for states on all agents of its place`
        : `the secret "${name}" is for ${forTargets}`,
    );
    return ExitCode.ok;
  },
});

const list = defineSubcommand({
  name: "list",
  summary: "list the secrets, without their values",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { secrets } = await control.secrets.listSecrets({});
    await output.list(secrets, {
      json: (secret) => ({
        name: secret.name,
        group: placeIn(secret, "group"),
        agent: placeIn(secret, "agent"),
        for: secret.forTargets,
      }),
      columns: {
        NAME: ({ name }) => name,
        OF: ({ place }) =>
          place?.of.case === undefined
            ? "all"
            : `${place.of.case} ${place.of.value}`,
        FOR: ({ forTargets }) => forTargets,
      },
    });
    return ExitCode.ok;
  },
});

const rotate = defineSubcommand({
  name: "rotate",
  summary: "encrypt all secrets with new keys; their values stay",
  positionals: {},
  flags: {},
  examples: [""],
  async execute({ dir, output, terminal }, services: ManagerServices) {
    using control = await services.connect(dir);
    const requestedBy = userOf(terminal);
    const { files } = await control.secrets.rotateSecrets({ requestedBy });
    await output.either(
      { files },
      `${files} ${files === 1 ? "file has" : "files have"} new keys`,
    );
    return ExitCode.ok;
  },
});

const remove = defineSubcommand({
  name: "remove",
  summary: "remove a secret",
  positionals: NAME,
  flags: PLACE,
  examples: ["deploy-token", "db-password --group db"],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    await control.secrets.removeSecret({
      name,
      ...placeOf(flags),
      requestedBy: userOf(terminal),
    });
    await output.either({ name, ...flags }, `the secret "${name}" is removed`);
    return ExitCode.ok;
  },
});

/** The group `secret`: secrets that the Manager keeps. */
export const secret: Group<ManagerServices> = {
  name: "secret",
  summary: "set, list and remove secrets for commands and states",
  subcommands: [set, edit, list, rotate, remove],
};

function placeOf(
  { group, agent }: {
    readonly group: string | undefined;
    readonly agent: string | undefined;
  },
) {
  if (group !== undefined && agent !== undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot use "--group" and "--agent": a secret is in one place',
    );
  }
  if (agent !== undefined) {
    return { place: { of: { case: "agent", value: agent } } } as const;
  }
  return group === undefined
    ? {}
    : { place: { of: { case: "group", value: group } } } as const;
}

function placeIn(
  { place }: Secret,
  kind: "group" | "agent",
): string | null {
  return place?.of.case === kind ? place.of.value : null;
}
