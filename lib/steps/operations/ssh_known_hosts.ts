import { requireName } from "../providers/find_account_tools.ts";
import { knownHostName, withHostKeys } from "../providers/ssh/known_hosts.ts";
import {
  type PublicKey,
  readKeyLine,
  wantedKeys,
} from "../providers/ssh/public_key.ts";
import { stepOperation } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { changeEdit, checkEdit, type TextEdit } from "./edited_text.ts";
import {
  changeSshEdit,
  checkSshEdit,
  type SshEdit,
  usualSshFile,
} from "./ssh_file.ts";

const FILE = "known_hosts";
const OF_ALL = "/etc/ssh/ssh_known_hosts";

/** Lets ssh know keys of a host. */
export const sshKnownHosts = stepOperation({
  name: "ssh.KnownHosts",
  description:
    "Makes ssh know the keys of a host, and no others of their types",
  subject: "host",
  parameters: {
    host: {
      type: "text",
      required: true,
      description:
        "Name or address of the host, several after commas; with a port as [db.lan]:2222",
    },
    keys: {
      type: "texts",
      required: true,
      description: "Its keys, each as type and base64",
    },
    user: {
      type: "text",
      description: `User that knows them; all, by ${OF_ALL}, if none is given`,
    },
    only: {
      type: "switch",
      description: "True to remove the host's keys of other types",
      standard: "false",
    },
    absent: {
      type: "switch",
      description:
        "True to remove these keys of the host, all of them if the list is empty",
      standard: "false",
    },
  },
  touches: ({ user }) => [
    user === undefined ? OF_ALL : usualSshFile(user, FILE),
  ],
  validate(params) {
    const { user, only = false, absent = false } = params;
    if (user !== undefined) requireName("user", user, ["user"]);
    const keys = keysOf(params, hostsOf(params));
    if (keys.length === 0 && !absent) {
      throw new WrongValue(
        ["keys"],
        "no key is given; absent: true with an empty list removes all of the host",
      );
    }
    if (only && absent) {
      throw new WrongValue(
        ["absent"],
        '"only" is true as well, and both cannot be; leave one out',
      );
    }
  },
  async check(params, reader, forecast) {
    const edit = editOf(params);
    return "user" in edit
      ? await checkSshEdit(edit, reader, forecast)
      : await checkEdit(edit, reader, forecast);
  },
  async change(params, _, writer) {
    const edit = editOf(params);
    if ("user" in edit) await changeSshEdit(edit, writer);
    else await changeEdit(edit, writer);
  },
});

interface Params {
  readonly host: string;
  readonly keys: readonly string[];
  readonly user?: string;
  readonly only?: boolean;
  readonly absent?: boolean;
}

function editOf(params: Params): SshEdit | TextEdit {
  const { user, only = false, absent = false } = params;
  const hosts = hostsOf(params);
  const keys = keysOf(params, hosts);
  const edit = (lines: readonly string[]) =>
    withHostKeys(lines, { hosts, keys, only, absent });
  return user === undefined
    ? { path: OF_ALL, create: !absent, absent, edit }
    : { user, name: FILE, absent, edit };
}

function hostsOf({ host }: Params): readonly string[] {
  return [...new Set(host.split(",").map((each) => nameOf(each)))];
}

function keysOf({ keys }: Params, hosts: readonly string[]): PublicKey[] {
  return wantedKeys(keys, (line) => {
    const key = readKeyLine(line);
    // ssh-keyscan prints the host before each key.
    const isBare = key?.options === "" ||
      hosts.includes(knownHostName(key?.options ?? "") ?? "");
    return key !== undefined && isBare
      ? { type: key.type, data: key.data }
      : undefined;
  });
}

function nameOf(host: string): string {
  const name = knownHostName(host);
  if (name !== undefined) return name;
  throw new WrongValue(
    ["host"],
    `${
      quoted(host)
    } is no name or address of a host, as db.lan or [db.lan]:2222; patterns are not taken`,
  );
}
