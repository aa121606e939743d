import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { AccountTables } from "../providers/account_tables.ts";
import {
  findTools,
  requireName,
  runTools,
} from "../providers/find_account_tools.ts";
import { stepOperation } from "../step_operation.ts";

/** Removes a group. */
export const groupAbsent = stepOperation({
  name: "group.Absent",
  description: "Makes a group not be there",
  subject: "name",
  parameters: {
    name: { type: "text", required: true, description: "Name of the group" },
  },
  things: ({ name }) => [{ kind: "group", name }],
  validate: ({ name }) => requireName("group", name, ["name"]),
  async check({ name }, reader) {
    findTools(reader);
    const tables = await AccountTables.read(reader);
    const now = tables.group(name);
    const fingerprint = fingerprintOf([now?.gid, now?.members]);
    if (now === undefined) return { verdict: "ok", changes: [], fingerprint };
    const users = tables.users().filter(({ gid }) => gid === now.gid);
    if (users.length > 0) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot remove group "${name}": it is the first group of ${
          users.map((user) => `"${user.name}"`).join(", ")
        }`,
      );
    }
    return {
      verdict: "change",
      changes: [{ what: "group", from: name, to: "(absent)" }],
      fingerprint,
      effects: [{
        kind: "thing",
        thing: { kind: "group", name },
        facts: undefined,
      }],
    };
  },
  change: ({ name }, _, writer) =>
    runTools([findTools(writer).removeGroup(name)], writer),
});
