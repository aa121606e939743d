import { readLogin } from "../../base/login_file.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { text } from "./json_values.ts";
import { operatorJson } from "./operator_text.ts";
import { RULE_LISTING } from "./rule_text.ts";
import type { ManagerServices } from "./services.ts";

/** `whoami`: tells who this user is to the Manager. */
export const whoami = defineSubcommand({
  name: "whoami",
  summary: "tell which Manager is asked, as whom, and with which rights",
  positionals: {},
  flags: {},
  examples: [""],
  async execute({ dir, json, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { name, operator } = await control.logins.whoAmI({});
    const address = (await readLogin(dir))?.address;
    if (json) {
      await output.value({
        name: text(name),
        dir,
        address: address ?? null,
        operator: operator === undefined ? null : operatorJson(operator),
      });
      return ExitCode.ok;
    }
    if (operator === undefined) {
      await output.line(
        `${
          name === "" ? "a user" : name
        } of this machine, with all rights, at the Manager of "${dir}"`,
      );
      return ExitCode.ok;
    }
    await output.line(`${name} (${operator.role}) at ${address ?? dir}`);
    if (operator.see !== "") await output.line(`sees ${operator.see}`);
    if (operator.rules.length > 0) {
      await output.list(operator.rules, RULE_LISTING);
    } else if (operator.role !== "viewer") {
      await output.line("no rules: nothing may be done on agents");
    }
    return ExitCode.ok;
  },
});
