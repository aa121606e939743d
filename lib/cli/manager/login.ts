import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Terminal } from "../terminal.ts";
import { decodeLeniently } from "../utf8.ts";
import type { ManagerServices } from "./services.ts";

/** `login LINE`: lets this command line ask a Manager on another machine. */
export const login = defineSubcommand({
  name: "login",
  summary: "log in to a Manager on another machine",
  needsStateFolder: true,
  positionals: {
    line: {
      type: "one",
      summary:
        'line that "piri-manager operator add" printed on the Manager\'s machine, or "-" to read it from stdin',
    },
  },
  flags: {},
  examples: ["-", "piri-login1-eyJhZGRyZXNzIjoi...", "- --dir ~/prod"],
  more: [{
    title: "The login",
    lines: [
      [
        "~/.config/piri/managers/HOST",
        "keeps it, readable by you alone; --dir FOLDER keeps it elsewhere",
      ],
      ["PIRI_MANAGER=HOST", "chooses one of several, by its name or its path"],
      ["PIRI_TOKEN=TOKEN", "is used instead of the token that is kept"],
    ],
  }],
  async execute(
    { positionals, dir, dirGiven, output, terminal },
    services: ManagerServices,
  ) {
    const line = await readLine(positionals.line, terminal);
    const made = await services.login(line, dirGiven ? dir : undefined);
    const { address, operator, role, expiresAt } = made;
    await output.either(
      {
        dir: made.dir,
        address,
        operator,
        role,
        expiresAt: new Date(expiresAt).toISOString(),
      },
      `logged in to ${address} as ${operator} (${role}), until ${
        output.fullTime(BigInt(expiresAt))
      }`,
    );
    return ExitCode.ok;
  },
});

async function readLine(word: string, terminal: Terminal): Promise<string> {
  if (word !== "-") return word;
  const text = decodeLeniently(await terminal.readStdin()).trim();
  if (text !== "") return text;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot log in: there is no login line on stdin",
  );
}

/** `logout`: ends the token of a login, and forgets it. */
export const logout = defineSubcommand({
  name: "logout",
  summary: "end the login to a Manager on another machine",
  positionals: {},
  flags: {},
  examples: ["", "--dir ~/.config/piri/managers/mgr.example.org"],
  async execute({ dir, output }, services: ManagerServices) {
    const told = await services.logout(dir);
    await output.either({ dir, told }, `logged out: ${dir} is gone`);
    if (!told) {
      await output.note(
        "the Manager could not be told: the token stays good there until it expires (piri-manager operator revoke ID)",
      );
    }
    return ExitCode.ok;
  },
});

/** `whoami`: tells by which name and with which rights the Manager answers. */
export const whoami = defineSubcommand({
  name: "whoami",
  summary: "show as whom the Manager answers you, and what you may",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, output, json }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { name, operator } = await control.logins.whoAmI({});
    const { operatorJson, printOperator } = await import("./operator_text.ts");
    if (operator !== undefined) {
      if (json) await output.value(operatorJson(operator));
      else await printOperator(operator, output);
      return ExitCode.ok;
    }
    await output.either(
      { name, role: null },
      `${name}, on the Manager's machine: everything`,
    );
    return ExitCode.ok;
  },
});
