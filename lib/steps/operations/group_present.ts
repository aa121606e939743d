import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader } from "../host/host.ts";
import { placeholderOf } from "../host/placeholder.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import {
  AccountTables,
  factsOfGroup,
  type GroupRow,
} from "../providers/account_tables.ts";
import {
  findTools,
  ID_RANGE,
  requireName,
  requireParts,
  runTools,
} from "../providers/find_account_tools.ts";
import {
  type Change,
  type Check,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";

/** Makes a group be there. */
export const groupPresent = stepOperation({
  name: "group.Present",
  description: "Makes a group be there, with a number and members",
  subject: "name",
  parameters: {
    name: { type: "text", required: true, description: "Name of the group" },
    gid: {
      type: "integer",
      range: ID_RANGE,
      description: "Number of the group",
    },
    members: { type: "texts", description: "Users that belong to it" },
    "only_members": {
      type: "switch",
      description: "True to remove all other members",
      standard: "false",
    },
    system: {
      type: "switch",
      description: "True for a number of the system's, if it is made",
      standard: "false",
    },
  },
  things: ({ name }) => [{ kind: "group", name }],
  validate({ name, members = [] }) {
    requireName("group", name, ["name"]);
    for (const [index, each] of members.entries()) {
      requireName("user", each, ["members", index]);
    }
  },
  check,
  async change(params, _, writer) {
    const { name, gid, system = false } = params;
    const { now, members } = await wantedOf(params, writer, NO_FORECAST);
    const tools = findTools(writer);
    const before = now?.members ?? [];
    await runTools([
      ...now === undefined ? [tools.addGroup(name, { gid, system })] : [],
      ...now !== undefined && gid !== undefined && gid !== now.gid
        ? tools.renumberGroup(name, gid)
        : [],
      ...isSame(members, before)
        ? []
        : tools.setMembers(name, { now: before, wanted: members }),
    ], writer);
  },
});

interface Params {
  readonly name: string;
  readonly gid?: number;
  readonly members?: readonly string[];
  readonly "only_members"?: boolean;
}

async function wantedOf(
  { name, members = [], only_members: isOnly = false }: Params,
  reader: HostReader,
  { opaque }: Forecast,
): Promise<{ now: GroupRow | undefined; members: readonly string[] }> {
  const tables = await AccountTables.read(reader);
  const now = tables.group(name);
  for (const each of members) {
    if (tables.user(each) !== undefined) continue;
    if (opaque !== undefined) {
      throw new Unforeseen(
        `there is no user "${each}", and step "${opaque}" may make it`,
      );
    }
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot put "${each}" into group "${name}": this host has no such user; make it by an earlier step`,
    );
  }
  const before = now?.members ?? [];
  const wanted = isOnly ? members : [...before, ...members];
  return { now, members: [...new Set(wanted)] };
}

async function check(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const { name, gid } = params;
  const tools = findTools(reader);
  const { now, members } = await wantedOf(params, reader, forecast);
  const changes: Change[] = [];
  if (now === undefined) {
    changes.push({ what: "group", from: "(absent)", to: name });
  }
  if (gid !== undefined && gid !== now?.gid) {
    changes.push({
      what: "gid",
      ...now === undefined ? {} : { from: `${now.gid}` },
      to: `${gid}`,
    });
  }
  const before = now?.members ?? [];
  if (!isSame(members, before)) {
    changes.push({
      what: "members",
      from: before.join(", "),
      to: members.join(", "),
    });
  }
  if (now !== undefined) requireParts(tools, changes.map(({ what }) => what));
  const fingerprint = fingerprintOf([now?.gid, before.toSorted()]);
  if (changes.length === 0) return { verdict: "ok", changes, fingerprint };
  const row: GroupRow = {
    name,
    gid: gid ?? now?.gid ?? placeholderOf("group", name),
    members,
  };
  return {
    verdict: "change",
    changes,
    fingerprint,
    effects: [{
      kind: "thing",
      thing: { kind: "group", name },
      facts: factsOfGroup(row),
    }],
  };
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.toSorted().join() === other.toSorted().join();
}
