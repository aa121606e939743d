import { basename, resolve } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { COLOUR_FLAG } from "../colour.ts";
import { defineSubcommand } from "../command.ts";
import { bytesText } from "../text.ts";
import { beforeStart } from "./before_start.ts";
import { endsAsFolder, parseAgentPath } from "./host_path.ts";
import { launchJob, SKIP_DENIED, WHILE_A_JOB_RUNS } from "./job/launch_job.ts";
import { DEFAULT_VIEW } from "./job/view_flags.ts";
import { userOf } from "./parse_run.ts";
import { readSources } from "./put_sources.ts";
import { type LocalFile, sendFiles, sendTree } from "./send_files.ts";
import type { ManagerServices } from "./services.ts";
import { checkSignFlags, SIGN_FLAGS, signedPart } from "./sign_flags.ts";
import { signatureOf } from "./signature.ts";
import {
  selectionOf,
  TARGET_FLAGS,
  TARGET_HELP,
  withTargetHint,
} from "./target_flags.ts";
import { TransferMeter } from "./transfer_meter.ts";

/** Most sources that the note of the job names. */
const MAX_NAMED = 3;

const SENDING = {
  doing: "sending the files",
  fate:
    "nothing was started; what was sent is kept, and the same command sends the rest",
};

/** `put site web-1:/srv/site`: puts files and folders on agents. */
export const put = defineSubcommand({
  name: "put",
  summary: "put files and folders on agents",
  positionals: {
    path: {
      type: "many",
      summary:
        'files and folders here, and last AGENT:PATH; a path that ends with "/" is the folder to put them into',
    },
  },
  flags: {
    mode: {
      type: "string",
      value: "MODE",
      summary: "mode of all files: 0640; their own by default",
    },
    owner: {
      type: "string",
      value: "USER[:GROUP]",
      summary: "owner of everything; the agent's user by default",
    },
    group: { type: "string", value: "GROUP", summary: "group of everything" },
    mkdir: {
      type: "boolean",
      summary: "make missing folders above the path",
    },
    delete: {
      type: "boolean",
      summary: "delete what the folders here do not have from those there",
    },
    backup: {
      type: "boolean",
      summary: "keep what is replaced or deleted as NAME~",
    },
    timeout: {
      type: "duration",
      value: "TIME",
      summary: "end the command on an agent after this time: 90s, 1h30m",
    },
    detach: {
      type: "boolean",
      summary: "print the id of the job and do not wait",
    },
    propose: {
      type: "boolean",
      summary: "wait until somebody else approves, though no rule asks for it",
    },
    "skip-denied": { type: "boolean", summary: SKIP_DENIED },
    ...SIGN_FLAGS,
    color: COLOUR_FLAG,
    ...TARGET_FLAGS,
  },
  more: [TARGET_HELP, WHILE_A_JOB_RUNS],
  examples: [
    "app.conf web-1:/etc/app.conf --mode 0640 --owner app",
    "site 'web-*:/srv/site' --delete",
    "a.conf b.conf web-1:/etc/app.d/ --mkdir",
  ],
  async execute(invocation, services: ManagerServices) {
    const { flags, dir, terminal, output } = invocation;
    const sources = [...invocation.positionals.path];
    const { expression, path } = parseAgentPath(sources.pop() ?? "", "put");
    if (sources.length === 0) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        "Cannot put: no file or folder is named; AGENT:PATH comes last",
      );
    }
    const isInto = sources.length > 1 || endsAsFolder(path);
    const params = {
      path: isInto && !endsAsFolder(path) ? `${path}/` : path,
      ...paramsOf(flags),
    };
    const targets = await selectionOf([expression], flags, invocation);
    checkSignFlags(flags);
    const connect = () => services.connect(dir);
    // A Manager that is not there at all is told at once, before anything is read.
    (await connect())[Symbol.dispose]();
    const { color, detach, timeout } = flags;
    const work = { ...SENDING, unread: detach };
    let tree: string;
    let note = "";
    {
      await using meter = new TransferMeter(terminal, "sending");
      tree = await beforeStart(terminal, work, async (signal) => {
        const reading = { isInto, output, signal };
        const { entries, files } = await readSources(sources, reading);
        note = noteOf(sources, files);
        const context = { connect, terminal, signal };
        await sendFiles(files, meter, context);
        return await sendTree(entries, context);
      });
    }
    const asked = {
      targets,
      operation: "file.Put",
      params: JSON.stringify({ tree, ...params }),
    };
    const request = {
      ...asked,
      ...await signedPart(flags, asked, { connect, terminal, output }),
      note,
      skipDenied: flags["skip-denied"],
      propose: flags.propose,
      acceptApproval: true,
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      ...signatureOf(terminal),
    };
    return await launchJob({
      start: (control, { signal }) =>
        control.jobs.startJob(request, { signal }),
      explain: (answer) => withTargetHint(answer, targets),
    }, {
      ...invocation,
      connect,
      flags: { ...DEFAULT_VIEW, color, detach },
    });
  },
});

/** Words for what is put: names of the sources, number of files and their size. */
function noteOf(
  sources: readonly string[],
  files: readonly LocalFile[],
): string {
  const names = sources.slice(0, MAX_NAMED)
    .map((source) => basename(resolve(source)));
  const more = sources.length - names.length;
  const size = files.reduce((sum, file) => sum + BigInt(file.size), 0n);
  const count = files.length === 1 ? "" : `${files.length} files, `;
  return `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""} (${count}${
    bytesText(size)
  })`;
}

function paramsOf(
  { mode, owner, group, mkdir, delete: isDelete, backup }: {
    readonly mode: string | undefined;
    readonly owner: string | undefined;
    readonly group: string | undefined;
    readonly mkdir: boolean;
    readonly delete: boolean;
    readonly backup: boolean;
  },
): Record<string, unknown> {
  if (mode !== undefined && !/^[0-7]{3,4}$/.test(mode)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot put: "--mode ${mode}" is no octal number such as 0644`,
    );
  }
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(owner === undefined ? {} : userOf(owner)),
    ...(group === undefined ? {} : { group }),
    ...(mkdir ? { parents: true } : {}),
    ...(isDelete ? { delete: true } : {}),
    ...(backup ? { backup: true } : {}),
  };
}
