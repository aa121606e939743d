import { PiriError } from "../../base/errors.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import type {
  HostReader,
  HostWriter,
  ProgramAnswer,
  StepProgram,
} from "../host/host.ts";

/** Name by which a working copy remembers the commit that a step has put there. */
export const OWN_REF = "refs/piri/commit";

/** Working copy that a step is about. */
export interface GitParams {
  readonly target: string;
  readonly repo: string;
  readonly rev?: string;
  readonly user?: string;
  readonly identity?: string;
  readonly depth?: number;
  readonly "recurse_submodules"?: boolean;
  readonly force?: boolean;
  readonly "ff_only"?: boolean;
  readonly rebase?: boolean;
}

/** Commit that a remote repository has for a revision. */
export interface RemoteCommit {
  readonly commit: string;
  /** Full name that it is fetched by; undefined for a commit itself. */
  readonly ref: string | undefined;
}

/** Line of git without hooks, questions and programs that a working copy could name. */
export function gitProgram(
  { user, identity }: Pick<GitParams, "user" | "identity">,
  words: readonly string[],
): StepProgram {
  return {
    argv: [
      "git",
      "-c",
      "core.hooksPath=/dev/null",
      "-c",
      "core.fsmonitor=false",
      ...words,
    ],
    env: {
      LC_ALL: "C",
      GIT_TERMINAL_PROMPT: "0",
      ...identity === undefined ? {} : { GIT_SSH_COMMAND: sshLine(identity) },
    },
    ...user === undefined ? {} : { user },
  };
}

function sshLine(identity: string): string {
  const quoted = identity.replaceAll("'", `'\\''`);
  return `ssh -i '${quoted}' -o IdentitiesOnly=yes -o BatchMode=yes`;
}

/**
 * Asks git.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it fails
 */
export async function askGit(
  params: GitParams,
  words: readonly string[],
  reader: HostReader,
): Promise<string> {
  const answer = await tryGit(params, words, reader);
  if (answer.code === 0) return answer.stdout;
  throw gitError(params, answer);
}

/** Answer of git, also one that says no. */
export function tryGit(
  params: GitParams,
  words: readonly string[],
  reader: HostReader,
): Promise<ProgramAnswer> {
  const { env, ...program } = gitProgram(params, words);
  // A status would write the index anew.
  return reader.ask({ ...program, env: { ...env, GIT_OPTIONAL_LOCKS: "0" } });
}

/**
 * Lets git act.
 *
 * @throws {PiriError} FAILED_PRECONDITION if it fails
 */
export async function runGit(
  params: GitParams,
  words: readonly string[],
  writer: HostWriter,
): Promise<void> {
  const { code } = await writer.run(gitProgram(params, words));
  if (code === 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot bring "${params.target}" up to date: git ${
      words.find((word) => /^[a-z]/.test(word) && !word.includes("/")) ?? ""
    } ended with exit code ${code}`,
  );
}

function gitError(
  { target }: GitParams,
  { code, stderr }: ProgramAnswer,
): PiriError {
  if (code === 127) {
    return new PiriError(
      "FAILED_PRECONDITION",
      "Cannot use git: this host has none; install the package git by an earlier step",
    );
  }
  const advice = stderr.includes("dubious ownership")
    ? `another user owns "${target}"; name that user in "user"`
    : saidIn(stderr);
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot look at "${target}": ${advice}`,
  );
}

/** Last lines of an error, without the advice that git gives for each of them. */
function saidIn(stderr: string): string {
  return stderr.split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" &&
    !/^Please make sure you have the correct|^and the repository exists/
      .test(line)
  ).slice(-3).join("; ");
}

/**
 * Refuses what no repository takes.
 *
 * @throws {WrongValue}
 */
export function validateGit({ rev = "HEAD", rebase, force }: GitParams): void {
  if (rebase === true && force === true) {
    throw new WrongValue(
      ["force"],
      '"rebase" is true as well: one keeps local commits, the other throws them away; leave one out',
    );
  }
  if (!rev.startsWith("-") && !/[\s~^:?*[\\]|\.\./.test(rev)) return;
  throw new WrongValue(
    ["rev"],
    `${
      quoted(rev)
    } is no revision: it should be HEAD, a branch, a tag, or all digits of a commit`,
  );
}

const FULL_COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * Looks up the commit of a revision: HEAD, a branch, a tag, a full name as refs/heads/main, or a commit itself.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the remote repository has none, or two
 */
export async function remoteCommit(
  params: GitParams,
  reader: HostReader,
): Promise<RemoteCommit> {
  const { rev = "HEAD", repo } = params;
  if (FULL_COMMIT.test(rev)) return { commit: rev, ref: undefined };
  const text = await askGit(
    params,
    ["ls-remote", "--symref", "--", repo, rev, `${rev}^{}`],
    reader,
  );
  const lines = text.split("\n").map((line) => line.split("\t"));
  const found = new Map(
    lines.map(([commit = "", ref = ""]) => [ref, commit] as const),
  );
  const [symbolic] = lines.flatMap(([first = "", ref]) => {
    const [, name] = /^ref: (.+)$/.exec(first) ?? [];
    return ref === rev && name !== undefined ? [name] : [];
  });
  if (rev === "HEAD" || rev.startsWith("refs/")) {
    const commit = found.get(`${rev}^{}`) ??
      lines.find(([first = "", ref]) => ref === rev && FULL_COMMIT.test(first))
        ?.[0];
    if (commit !== undefined) return { commit, ref: symbolic ?? rev };
    throw noSuch(rev, repo);
  }
  const branch = found.get(`refs/heads/${rev}`);
  const tag = found.get(`refs/tags/${rev}^{}`) ?? found.get(`refs/tags/${rev}`);
  if (branch !== undefined && tag !== undefined) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot tell what "${rev}" means: it is a branch and a tag; write refs/heads/${rev} or refs/tags/${rev}`,
    );
  }
  if (branch !== undefined) return { commit: branch, ref: `refs/heads/${rev}` };
  if (tag !== undefined) return { commit: tag, ref: `refs/tags/${rev}` };
  throw noSuch(rev, repo);
}

function noSuch(rev: string, repo: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot find "${rev}" in "${
      withoutPassword(repo)
    }": it has no such branch and no such tag; a commit is named by all of its digits`,
  );
}

/** Place of a repository without a password in it. */
export function withoutPassword(repo: string): string {
  return repo.replace(/^([a-z+]+:\/\/)[^@/]*@/, "$1");
}
