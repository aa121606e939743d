import { PiriError } from "../../base/errors.ts";
import { withKeys } from "../providers/ssh/authorized_keys.ts";
import { readKeyLine, wantedKeys } from "../providers/ssh/public_key.ts";
import { stepOperation } from "../step_operation.ts";
import {
  changeSshEdit,
  checkSshEdit,
  type SshEdit,
  usualSshFile,
} from "./ssh_file.ts";

const FILE = "authorized_keys";

/** Lets keys log in as a user. */
export const sshAuthorizedKeys = stepOperation({
  name: "ssh.AuthorizedKeys",
  description: "Makes ssh let keys log in as a user",
  subject: "user",
  parameters: {
    user: { type: "text", required: true, description: "User to log in as" },
    keys: {
      type: "texts",
      required: true,
      description:
        "Keys, as lines of .pub files; options and comment of a key that is there stay where none are given",
    },
    only: {
      type: "switch",
      description: "True to remove all other keys",
      standard: "false",
    },
    options: {
      type: "text",
      description:
        "Options for those keys that have none of their own, as no-pty",
    },
    absent: {
      type: "switch",
      description: "True to remove these keys",
      standard: "false",
    },
  },
  touches: ({ user }) => [usualSshFile(user, FILE)],
  check: async (params, reader, forecast) =>
    await checkSshEdit(editOf(params), reader, forecast),
  change: async (params, _, writer) =>
    await changeSshEdit(editOf(params), writer),
});

interface Params {
  readonly user: string;
  readonly keys: readonly string[];
  readonly only?: boolean;
  readonly options?: string;
  readonly absent?: boolean;
}

function editOf(params: Params): SshEdit {
  const { user, keys: texts, only = false, options = "", absent = false } =
    params;
  if (options !== "" && !isOptions(options)) {
    throw refused(user, `"${options}" are no options of a key`);
  }
  const keys = wantedKeys(texts, readKeyLine)
    .map((key) => key.options === "" ? { ...key, options } : key);
  if (only && absent) {
    throw refused(user, "only and absent cannot both be true");
  }
  if (keys.length === 0 && !only) throw refused(user, "no key is given");
  return {
    user,
    name: FILE,
    absent: absent || keys.length === 0,
    edit: (lines) => withKeys(lines, { keys, only, absent }),
  };
}

/** True for options as sshd reads them: without blanks outside quotes, and on one line. */
function isOptions(text: string): boolean {
  return /^(?:[a-z0-9-]+(?:="(?:[^"\\\n\r]|\\.)*")?)(?:,[a-z0-9-]+(?:="(?:[^"\\\n\r]|\\.)*")?)*$/i
    .test(text);
}

function refused(user: string, why: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot write the keys of user "${user}": ${why}`,
  );
}
