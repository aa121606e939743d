import { quoted, WrongValue } from "../../wrong_value.ts";
import { isScriptName } from "./openrc.ts";
import { unitFlaw } from "./unit_names.ts";

/**
 * Refuses a name that a service has under no service manager.
 *
 * @param parameter Parameter that names it
 * @throws {WrongValue}
 */
export function requireServiceName(name: string, parameter = "name"): void {
  const flaw = unitFlaw(name);
  if (flaw === undefined || isScriptName(name)) return;
  throw new WrongValue(
    [parameter],
    `${quoted(name)} is no name of a service: ${flaw}`,
  );
}
