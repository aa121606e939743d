import { bytesOf } from "../file_content.ts";
import { placeholderOf } from "../host/placeholder.ts";
import type { HostReader, ThingFacts } from "../host/host.ts";

/** Most bytes of a table of accounts. */
const MAX_TABLE_BYTES = 16 * 1_048_576;

/** User of a host, as /etc/passwd has it, or as a step will have made it. */
export interface UserRow {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
  readonly shell: string;
}

/** Group of a host, as /etc/group has it, or as a step will have made it. */
export interface GroupRow {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Login of a user, as /etc/shadow has it. */
export interface LoginRow {
  /** Hash of the password, without the mark of a lock. */
  readonly hash: string;
  readonly locked: boolean;
  /** Day after which nobody can log in, as 2030-01-31; empty for none. */
  readonly expires: string;
}

/** Users and groups of a host as they will be after the steps that are ahead. */
export class AccountTables {
  readonly #reader: HostReader;
  readonly #users: ReadonlyMap<string, UserRow>;
  readonly #groups: ReadonlyMap<string, GroupRow>;

  private constructor(
    reader: HostReader,
    users: ReadonlyMap<string, UserRow>,
    groups: ReadonlyMap<string, GroupRow>,
  ) {
    this.#reader = reader;
    this.#users = users;
    this.#groups = groups;
  }

  static async read(reader: HostReader): Promise<AccountTables> {
    return new AccountTables(
      reader,
      await tableOf("passwd", reader, userOf),
      await tableOf("group", reader, groupOf),
    );
  }

  /** @throws {Unforeseen} */
  user(name: string): UserRow | undefined {
    const foreseen = this.#reader.foreseen({ kind: "user", name });
    if (foreseen === undefined) return this.#users.get(name);
    return foreseen.facts === undefined
      ? undefined
      : userOfFacts(name, foreseen.facts);
  }

  /** @throws {Unforeseen} */
  group(name: string): GroupRow | undefined {
    const foreseen = this.#reader.foreseen({ kind: "group", name });
    if (foreseen === undefined) return this.#groups.get(name);
    return foreseen.facts === undefined
      ? undefined
      : groupOfFacts(name, foreseen.facts);
  }

  /** Users of the host that will still be there. */
  users(): UserRow[] {
    return [...this.#users.keys()].flatMap((name) => this.user(name) ?? []);
  }

  /** Groups of the host that will still be there. */
  groups(): GroupRow[] {
    return [...this.#groups.keys()].flatMap((name) => this.group(name) ?? []);
  }

  /** Login of a user. The table is only open to root. */
  async login(name: string): Promise<LoginRow> {
    const facts = this.#reader.foreseen({ kind: "user", name })?.facts;
    if (facts?.["hash"] !== undefined) {
      return {
        hash: String(facts["hash"]),
        locked: facts["locked"] === true,
        expires: String(facts["expires"] ?? ""),
      };
    }
    const logins = await tableOf("shadow", this.#reader, loginOf);
    return logins.get(name) ?? { hash: "", locked: false, expires: "" };
  }
}

/** Facts about a user for later steps. */
export function factsOfUser(row: UserRow, login?: LoginRow): ThingFacts {
  const { comment, home, shell, uid, gid } = row;
  return {
    comment,
    home,
    shell,
    gid,
    ...uid < 0 ? {} : { uid },
    ...login === undefined ? {} : { ...login },
  };
}

/** Facts about a group for later steps. */
export function factsOfGroup({ gid, members }: GroupRow): ThingFacts {
  return { members, ...gid < 0 ? {} : { gid } };
}

function userOfFacts(name: string, facts: ThingFacts): UserRow {
  return {
    name,
    uid: Number(facts["uid"] ?? placeholderOf("user", name)),
    gid: Number(facts["gid"] ?? placeholderOf("group", name)),
    comment: String(facts["comment"] ?? ""),
    home: String(facts["home"] ?? ""),
    shell: String(facts["shell"] ?? ""),
  };
}

function groupOfFacts(name: string, facts: ThingFacts): GroupRow {
  return {
    name,
    gid: Number(facts["gid"] ?? placeholderOf("group", name)),
    members: (facts["members"] ?? []) as string[],
  };
}

async function tableOf<Row>(
  file: string,
  reader: HostReader,
  rowOf: (fields: readonly string[]) => Row,
): Promise<ReadonlyMap<string, Row>> {
  const path = `/etc/${file}`;
  return await reader.shared({ name: path, paths: [path] }, async () => {
    const rows = new Map<string, Row>();
    if (reader.followed(path) === undefined) return rows;
    const content = await reader.content(path);
    const bytes = await bytesOf(content, MAX_TABLE_BYTES, `"${path}"`);
    for (const line of new TextDecoder().decode(bytes).split("\n")) {
      const [name = "", ...fields] = line.split(":");
      // Lines that begin with a sign include a directory service, and the first of two lines counts.
      if (name === "" || /^[#+-]/.test(name) || rows.has(name)) continue;
      rows.set(name, rowOf([name, ...fields]));
    }
    return rows;
  });
}

function userOf(fields: readonly string[]): UserRow {
  const [name = "", , uid, gid, comment = "", home = "", shell = ""] = fields;
  return { name, uid: Number(uid), gid: Number(gid), comment, home, shell };
}

function groupOf(fields: readonly string[]): GroupRow {
  const [name = "", , gid, members = ""] = fields;
  const names = members.split(",").filter((each) => each !== "");
  return { name, gid: Number(gid), members: names };
}

const DAY_MS = 86_400_000;

function loginOf(fields: readonly string[]): LoginRow {
  const [, field = "", , , , , , day = ""] = fields;
  return {
    hash: field.replace(/^!+/, ""),
    locked: field.startsWith("!"),
    expires: /^\d+$/.test(day)
      ? new Date(Number(day) * DAY_MS).toISOString().slice(0, 10)
      : "",
  };
}
