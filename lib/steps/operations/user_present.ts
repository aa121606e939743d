import { fingerprintOf } from "../fingerprint.ts";
import type { HostWriter } from "../host/host.ts";
import { placeholderOf } from "../host/placeholder.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import {
  factsOfGroup,
  factsOfUser,
  type GroupRow,
} from "../providers/account_tables.ts";
import {
  findTools,
  ID_RANGE,
  requireParts,
  runTools,
} from "../providers/find_account_tools.ts";
import {
  type Change,
  type Check,
  type Effect,
  stepOperation,
} from "../step_operation.ts";
import { homeEffects } from "./home_files.ts";
import { octal } from "./paths.ts";
import {
  type UserParams,
  validateUser,
  type WantedUser,
  wantedUser,
} from "./wanted_user.ts";

/** Makes a user be there. */
export const userPresent = stepOperation({
  name: "user.Present",
  description: "Makes a user be there, field by field",
  subject: "name",
  parameters: {
    name: { type: "text", required: true, description: "Name of the user" },
    uid: {
      type: "integer",
      range: ID_RANGE,
      description: "Number of the user",
    },
    group: { type: "text", description: "Name of its first group" },
    "user_group": {
      type: "switch",
      description: "True for a first group of its own, with its name",
    },
    groups: { type: "texts", description: "Other groups that it belongs to" },
    "only_groups": {
      type: "switch",
      description: "True to take it out of all others",
      standard: "false",
    },
    home: { type: "path", description: "Its home" },
    "create_home": {
      type: "switch",
      description:
        "True to make its home with it; by default only if it is none of the system's",
    },
    shell: { type: "path", description: "Its shell" },
    comment: { type: "text", description: "Its comment, as the full name" },
    system: {
      type: "switch",
      description: "True for a number of the system's, if it is made",
      standard: "false",
    },
    password: {
      type: "text",
      description: "Crypt hash of its password",
      secret: true,
    },
    locked: { type: "switch", description: "True to lock its password" },
    expires: {
      type: "text",
      description: "Day after which it cannot log in, as 2030-01-31, or never",
    },
  },
  things: ({ name, groups = [] }) => [
    { kind: "user", name },
    { kind: "group", name },
    ...groups.map((each) => ({ kind: "group" as const, name: each })),
  ],
  validate: validateUser,
  async check(params, reader, forecast) {
    const wanted = await wantedUser(params, reader, forecast);
    const found = checkOf(params, wanted);
    requireParts(
      findTools(reader),
      found.changes.map(({ what }) => what).filter((what) =>
        wanted.now !== undefined || what === "expires"
      ),
    );
    const { makesHome, skeleton, row: { home, ...owner } } = wanted;
    if (!makesHome) return found;
    const files = await homeEffects(home, { skeleton, owner, reader });
    return { ...found, effects: [...found.effects ?? [], ...files] };
  },
  async change(params, _, writer) {
    const wanted = await wantedUser(params, writer, NO_FORECAST);
    if (wanted.now === undefined) await makeUser(params, wanted, writer);
    else await changeUser(wanted, writer);
    await changeLogin(wanted, writer);
  },
});

function checkOf(
  params: UserParams,
  wanted: WantedUser,
): Check {
  const { now, row, nowLogin, login, groupsNow, groups } = wanted;
  const changes: Change[] = [];
  if (now === undefined) {
    changes.push({ what: "user", from: "(absent)", to: row.name });
  }
  const add = (what: string, from: string | undefined, to: string) => {
    if (from === to) return;
    changes.push({ what, ...from === undefined ? {} : { from }, to });
  };
  if (params.uid !== undefined) add("uid", textOf(now?.uid), `${row.uid}`);
  if (now !== undefined && row.gid !== now.gid) {
    add("first group", `${now.gid}`, wanted.firstGroup ?? row.name);
  } else if (now === undefined && params.group !== undefined) {
    add("first group", undefined, params.group);
  }
  add("groups", namesOf(groupsNow), namesOf(groups));
  for (const field of ["home", "shell", "comment"] as const) {
    if (params[field] !== undefined) add(field, now?.[field], row[field]);
  }
  if (wanted.makesHome) {
    add("home folder", "(absent)", octal(wanted.homeMode));
  }
  if (login !== undefined) {
    const { hash = "", locked = true, expires = "" } = nowLogin ?? {};
    // The hash itself is shown nowhere.
    if (login.hash !== hash) {
      add("password", hash === "" ? "(none)" : "(another)", "(given)");
    }
    if (params.locked !== undefined) {
      add("locked", now && `${locked}`, `${login.locked}`);
    }
    add("expires", expires || "never", login.expires || "never");
  }
  const fingerprint = fingerprintOf([
    now,
    groupsNow.map(({ name }) => name).toSorted(),
    nowLogin?.hash === login?.hash,
    nowLogin?.locked,
    nowLogin?.expires,
  ]);
  if (changes.length === 0) return { verdict: "ok", changes, fingerprint };
  return {
    verdict: "change",
    changes,
    fingerprint,
    effects: effectsOf(wanted),
  };
}

function effectsOf(
  { row, login, groups, groupsNow, makesGroup, makesHome, homeMode }:
    WantedUser,
): Effect[] {
  const { name, uid, gid, home } = row;
  const group = (each: GroupRow): Effect => ({
    kind: "thing",
    thing: { kind: "group", name: each.name },
    facts: factsOfGroup(each),
  });
  const effects: Effect[] = [{
    kind: "thing",
    thing: { kind: "user", name },
    facts: factsOfUser(row, login),
  }];
  if (makesGroup) {
    const own = { name, gid: placeholderOf("group", name), members: [] };
    effects.push(group(own));
  }
  for (const each of groupsNow) {
    if (groups.some((kept) => kept.name === each.name)) continue;
    const members = each.members.filter((member) => member !== name);
    effects.push(group({ ...each, members }));
  }
  for (const each of groups) {
    if (each.members.includes(name)) continue;
    effects.push(group({ ...each, members: [...each.members, name] }));
  }
  if (makesHome) {
    const facts = {
      kind: "folder" as const,
      size: 0,
      mode: homeMode,
      uid,
      gid,
    };
    effects.push({ kind: "path", path: home, facts });
  }
  return effects;
}

async function makeUser(
  { name, uid, system = false, shell, comment }: UserParams,
  { row, firstGroup, makesGroup, groups, makesHome }: WantedUser,
  writer: HostWriter,
): Promise<void> {
  await runTools(
    findTools(writer).addUser({
      name,
      home: row.home,
      makesHome,
      uid,
      shell,
      comment,
      system,
      ownsGroup: makesGroup,
      group: firstGroup,
      groups: sortedNames(groups),
    }),
    writer,
  );
}

async function changeUser(
  { now, row, firstGroup, makesGroup, groups, groupsNow }: WantedUser,
  writer: HostWriter,
): Promise<void> {
  const tools = findTools(writer);
  const { name, uid, gid, home, shell, comment } = row;
  if (makesGroup) await runTools([tools.addGroup(name, {})], writer);
  await runTools(
    tools.changeUser(name, {
      ...now?.uid === uid ? {} : { uid },
      ...now?.gid === gid ? {} : { group: firstGroup ?? name },
      ...now?.home === home ? {} : { home },
      ...now?.shell === shell ? {} : { shell },
      ...now?.comment === comment ? {} : { comment },
      ...namesOf(groups) === namesOf(groupsNow) ? {} : {
        groups: { now: sortedNames(groupsNow), wanted: sortedNames(groups) },
      },
    }),
    writer,
  );
}

async function changeLogin(
  { row: { name }, login, nowLogin }: WantedUser,
  writer: HostWriter,
): Promise<void> {
  if (login === undefined) return;
  const tools = findTools(writer);
  const isNewHash = login.hash !== (nowLogin?.hash ?? "");
  if (isNewHash) {
    await runTools([tools.setHash(name, login.hash)], writer);
  }
  const isLocked = isNewHash ? false : nowLogin?.locked ?? true;
  if (login.locked !== isLocked) {
    await runTools([tools.lock(name, login.locked)], writer);
  }
  if (login.expires !== (nowLogin?.expires ?? "")) {
    await runTools(tools.expire(name, login.expires), writer);
  }
}

function sortedNames(groups: readonly GroupRow[]): readonly string[] {
  return groups.map(({ name }) => name).toSorted();
}

function namesOf(groups: readonly GroupRow[]): string {
  return sortedNames(groups).join(", ");
}

function textOf(number: number | undefined): string | undefined {
  return number === undefined ? undefined : `${number}`;
}
