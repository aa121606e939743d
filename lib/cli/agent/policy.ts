import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group, type HelpSection } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { oneLine } from "../text.ts";
import type { AgentServices, CheckedPolicy } from "./services.ts";

const ABOUT: HelpSection = {
  title: "The file",
  lines: [
    ["policy.yaml", "in the agent's state folder, with mode 0600"],
    ["no file", "every command is allowed"],
    ["a wrong file", "no command is allowed"],
  ],
};

const check = defineSubcommand({
  name: "check",
  summary: "say what is wrong in policy.yaml",
  positionals: {},
  flags: {},
  more: [ABOUT],
  examples: ["", "--json"],
  async execute({ dir, output }, { policy }: AgentServices) {
    const checked = await policy.check(dir);
    if (checked.error !== "") {
      throw new PiriError("INVALID_ARGUMENT", checked.error);
    }
    const { mode, edition, sha256, rules, unlimitedBy } = checked;
    const { signers, require } = checked;
    await output.either(
      {
        mode,
        edition,
        sha256: sha256 === "" ? null : sha256,
        rules,
        signers,
        require,
        unlimited: unlimitedBy.length > 0,
        unlimitedBy,
      },
      headline(checked),
      ...require.map(({ do: names, signatures }) =>
        oneLine(
          `${names.join(", ")}: ${countText(signatures)} of ${
            signers.join(", ")
          }`,
        )
      ),
      ...unlimitedBy.map((way) => oneLine(`unlimited: ${way}`)),
    );
    return ExitCode.ok;
  },
});

function countText(signatures: number): string {
  return signatures === 1 ? "1 signature" : `${signatures} signatures`;
}

function headline(
  { path, mode, edition, sha256, rules }: CheckedPolicy,
): string {
  const isObserver = edition === "observe";
  const build = isObserver ? "; this program can only look" : "";
  if (sha256 === "") {
    const what = isObserver ? "every operation that looks" : "every command";
    return `no ${path}, so ${what} is allowed`;
  }
  const counted = rules === 1 ? "1 rule" : `${rules} rules`;
  return `ok: mode ${mode}, ${counted}, SHA-256 ${sha256}${build}`;
}

const test = defineSubcommand({
  name: "test",
  summary: "say which rule allows or refuses a command",
  positionals: {
    parameter: {
      type: "any",
      summary: "with --op, its parameters as name=value or name:=JSON",
    },
  },
  flags: {
    op: {
      type: "string",
      value: "NAME",
      summary: "operation, as file.Fetch (default: command.Run)",
    },
    user: {
      type: "string",
      value: "USER[:GROUP]",
      summary: "user that the program would run as",
    },
    cwd: {
      type: "string",
      value: "FOLDER",
      summary: "folder that the program would start in",
    },
    env: {
      type: "repeated",
      value: "NAME=VALUE",
      summary: "variable that the program would get",
    },
  },
  rest: "PROGRAM [ARG...]",
  more: [ABOUT],
  examples: [
    "-- /usr/bin/systemctl restart nginx",
    "--user deploy -- /usr/bin/id",
    "--op file.Fetch source=app.conf path=/etc/app.conf",
  ],
  async execute(
    { flags, positionals, rest, dir, output },
    services: AgentServices,
  ) {
    if ((rest === undefined) === (flags.op === undefined)) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        "Cannot test the policy: one of -- PROGRAM and --op NAME has to say what",
      );
    }
    const operation = flags.op ?? "command.Run";
    const params = rest === undefined
      ? parametersOf(positionals.parameter)
      : programOf(rest, flags);
    const { rule, refusal, signatures } = await services.policy.test(dir, {
      operation,
      params: JSON.stringify(params),
    });
    const allowed = refusal === "";
    await output.either(
      { allowed, rule, reason: allowed ? null : refusal, signatures },
      oneLine(
        !allowed
          ? `refused by ${rule}: ${refusal}`
          : signatures === 0
          ? `allowed by ${rule}`
          : `allowed by ${rule}, with ${countText(signatures)}`,
      ),
    );
    return allowed ? ExitCode.ok : ExitCode.refused;
  },
});

function programOf(
  argv: readonly string[],
  { user: who, cwd, env }: {
    readonly user: string | undefined;
    readonly cwd: string | undefined;
    readonly env: readonly string[];
  },
): Record<string, unknown> {
  const [user, group] = who?.split(":") ?? [];
  const variables = env.map((word) => {
    const [name = "", ...value] = word.split("=");
    return [name, value.join("=")];
  });
  return {
    argv,
    ...user === undefined || user === "" ? {} : { user },
    ...group === undefined ? {} : { group },
    ...cwd === undefined ? {} : { cwd },
    ...env.length === 0 ? {} : { env: Object.fromEntries(variables) },
  };
}

function parametersOf(words: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(words.map((word) => {
    const [, name = "", json, text = ""] = /^(\w+)(:)?=(.*)$/s.exec(word) ?? [];
    if (name !== "" && json === undefined) return [name, text];
    try {
      if (name !== "") return [name, JSON.parse(text)];
    } catch {
      // As for what has no name.
    }
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot test the policy: "${word}" is no parameter; write name=value or name:=JSON`,
    );
  }));
}

const reload = defineSubcommand({
  name: "reload",
  summary: "let the running agent read policy.yaml again",
  positionals: {},
  flags: {},
  more: [ABOUT],
  examples: [""],
  async execute({ dir, output }, { policy }: AgentServices) {
    const pid = await policy.reload(dir);
    await output.either(
      { pid, reloading: true },
      `the agent, process ${pid}, reads its policy again; its log says how that went`,
    );
    return ExitCode.ok;
  },
});

/** `policy check|test|reload`: what the owner of this host allows. */
export const policy: Group<AgentServices> = {
  name: "policy",
  summary: "check, test or reload what this host allows its Manager",
  subcommands: [check, test, reload],
  synonyms: {
    lint: "piri-agent policy check",
    show: "piri-agent policy check",
    validate: "piri-agent policy check",
    verify: "piri-agent policy check",
    why: "piri-agent policy test",
  },
};
