import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { accountDefaults } from "../providers/account_defaults.ts";
import { AccountTables, factsOfGroup } from "../providers/account_tables.ts";
import {
  findTools,
  requireName,
  runTools,
} from "../providers/find_account_tools.ts";
import { type Change, type Effect, stepOperation } from "../step_operation.ts";

/** Removes a user. */
export const userAbsent = stepOperation({
  name: "user.Absent",
  description: "Makes a user not be there",
  subject: "name",
  parameters: {
    name: { type: "text", required: true, description: "Name of the user" },
    "remove_home": {
      type: "switch",
      description: "True to remove its home with all that is in it",
      standard: "false",
    },
  },
  things: ({ name }) => [{ kind: "user", name }, { kind: "group", name }],
  validate: ({ name }) => requireName("user", name, ["name"]),
  async check({ name, remove_home: removes = false }, reader) {
    const tools = findTools(reader);
    const tables = await AccountTables.read(reader);
    const now = tables.user(name);
    const home = now === undefined ? undefined : reader.facts(now.home);
    const fingerprint = fingerprintOf([now, home?.kind, home?.uid]);
    if (now === undefined) return { verdict: "ok", changes: [], fingerprint };
    if (now.uid === 0 || now.uid === reader.self.uid) {
      throw refusal(name, "the agent or the system runs as this user");
    }
    const goes = removes && home !== undefined;
    if (goes && home.uid !== now.uid) {
      throw refusal(name, `its home "${now.home}" belongs to another user`);
    }
    const other = tables.users().find((each) =>
      each.name !== name && `${each.home}/`.startsWith(`${now.home}/`)
    );
    if (goes && other !== undefined) {
      throw refusal(name, `the home of "${other.name}" is in its home`);
    }
    const changes: Change[] = [{ what: "user", from: name, to: "(absent)" }];
    const effects: Effect[] = [{
      kind: "thing",
      thing: { kind: "user", name },
      facts: undefined,
    }];
    for (const group of tables.groups()) {
      if (!group.members.includes(name)) continue;
      const members = group.members.filter((each) => each !== name);
      effects.push({
        kind: "thing",
        thing: { kind: "group", name: group.name },
        facts: factsOfGroup({ ...group, members }),
      });
    }
    const own = tables.group(name);
    const isOthers = own !== undefined && (own.gid !== now.gid ||
      own.members.some((each) => each !== name) ||
      tables.users().some((each) =>
        each.name !== name && each.gid === own.gid
      ));
    const { ownGroups } = await accountDefaults(reader, tools);
    if (own !== undefined && !isOthers && ownGroups) {
      changes.push({ what: "group", from: name, to: "(absent)" });
      effects.push({
        kind: "thing",
        thing: { kind: "group", name },
        facts: undefined,
      });
    }
    if (goes) {
      changes.push({ what: "home", from: now.home, to: "(absent)" });
      effects.push({ kind: "path", path: now.home, facts: undefined });
    }
    return { verdict: "change", changes, fingerprint, effects };
  },
  change: ({ name, remove_home: removes = false }, _, writer) =>
    runTools([findTools(writer).removeUser(name, removes)], writer),
});

function refusal(name: string, why: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot remove user "${name}": ${why}`,
  );
}
