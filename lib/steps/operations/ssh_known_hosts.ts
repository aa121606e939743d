import { PiriError } from "../../base/errors.ts";
import { knownHostName, withHostKeys } from "../providers/ssh/known_hosts.ts";
import { readKeyLine, wantedKeys } from "../providers/ssh/public_key.ts";
import { stepOperation } from "../step_operation.ts";
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
  const { host, keys: texts, user, only = false, absent = false } = params;
  const hosts = [...new Set(host.split(",").map((each) => nameOf(each)))];
  const keys = wantedKeys(texts, (line) => {
    const key = readKeyLine(line);
    // ssh-keyscan prints the host before each key.
    const isBare = key?.options === "" ||
      hosts.includes(knownHostName(key?.options ?? "") ?? "");
    return key !== undefined && isBare
      ? { type: key.type, data: key.data }
      : undefined;
  });
  if (keys.length === 0 && !absent) throw refused(host, "no key is given");
  if (only && absent) {
    throw refused(host, "only and absent cannot both be true");
  }
  const edit = (lines: readonly string[]) =>
    withHostKeys(lines, { hosts, keys, only, absent });
  return user === undefined
    ? { path: OF_ALL, create: !absent, absent, edit }
    : { user, name: FILE, absent, edit };
}

function nameOf(host: string): string {
  const name = knownHostName(host);
  if (name !== undefined) return name;
  throw refused(
    host,
    "it is no name or address of a host; patterns are not taken",
  );
}

function refused(host: string, why: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot write the keys of host "${host}": ${why}`,
  );
}
