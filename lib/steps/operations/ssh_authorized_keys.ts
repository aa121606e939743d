import { requireName } from "../providers/find_account_tools.ts";
import { withKeys } from "../providers/ssh/authorized_keys.ts";
import { readKeyLine, wantedKeys } from "../providers/ssh/public_key.ts";
import { stepOperation } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
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
  validate(params) {
    const { user, options = "", only = false, absent = false } = params;
    requireName("user", user, ["user"]);
    if (options !== "" && !isOptions(options)) {
      throw new WrongValue(
        ["options"],
        `${
          quoted(options)
        } are no options of a key; write them as no-pty,from="10.0.0.0/8"`,
      );
    }
    const keys = keysOf(params);
    if (only && absent) {
      throw new WrongValue(
        ["absent"],
        '"only" is true as well, and both cannot be; leave one out',
      );
    }
    if (keys.length === 0 && !only) {
      throw new WrongValue(
        ["keys"],
        "no key is given; only: true with an empty list removes all",
      );
    }
  },
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

function keysOf({ keys, options = "" }: Pick<Params, "keys" | "options">) {
  return wantedKeys(keys, readKeyLine)
    .map((key) => key.options === "" ? { ...key, options } : key);
}

function editOf(params: Params): SshEdit {
  const { user, only = false, absent = false } = params;
  const keys = keysOf(params);
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
