import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, HostWriter, Thing } from "../host/host.ts";
import {
  type Change,
  type Check,
  type Effect,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import {
  type GitParams,
  OWN_REF,
  type RemoteCommit,
  remoteCommit,
  runGit,
  tryGit,
  validateGit,
  withoutPassword,
} from "./git_repository.ts";
import { branchOf, type Copy, copyAt, lookAt } from "./git_copy.ts";
import { FOLDER_MODE, newAttributes } from "./paths.ts";

/** Digits of a commit that are shown. */
const SHOWN = 10;

/** Makes a working copy be at a commit of a remote repository. */
export const gitUpToDate = stepOperation({
  name: "git.UpToDate",
  description: "Makes a working copy be at the commit of a remote repository",
  subject: "target",
  parameters: {
    target: {
      type: "path",
      required: true,
      description: "Folder of the working copy",
    },
    repo: {
      type: "text",
      required: true,
      description: "Place of the remote repository",
    },
    rev: {
      type: "text",
      description: "Branch, tag, full name, or all digits of a commit",
      standard: "HEAD",
    },
    user: {
      type: "text",
      description: "User that runs git, and owns the working copy",
    },
    identity: { type: "path", description: "Private key for ssh" },
    depth: {
      type: "integer",
      description: "Number of commits of the history to fetch",
    },
    "recurse_submodules": {
      type: "switch",
      description: "True to bring submodules to their commits, too",
      standard: "false",
    },
    force: {
      type: "switch",
      description: "True to throw away local changes and local commits",
      standard: "false",
    },
    "ff_only": {
      type: "switch",
      description: "True to only go forward from the commit that is there",
      standard: "false",
    },
    rebase: {
      type: "switch",
      description: "True to keep local commits, on top of the remote one",
      standard: "false",
    },
  },
  touches: ({ target }) => [target],
  things: (params) => [thingOf(params)],
  reads: ({ identity }) => identity === undefined ? [] : [identity],
  runsPrograms: () => true,
  validate: validateGit,
  check,
  change: (params, checked, writer) => bringThere(params, checked, writer),
});

async function check(
  params: GitParams,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const { target, repo } = params;
  await requireGit(params, reader, forecast);
  const remote = await remoteCommit(params, reader);
  const { commit } = remote;
  const pins = {
    commit,
    ...remote.ref === undefined ? {} : { ref: remote.ref },
  };
  const shown = commit.slice(0, SHOWN);
  const foreseen = reader.foreseen(thingOf(params));
  if (foreseen?.facts?.["commit"] === commit) {
    return {
      verdict: "ok",
      changes: [],
      fingerprint: fingerprintOf(["foreseen", commit]),
      pins,
    };
  }
  const effect: Effect = {
    kind: "thing",
    thing: thingOf(params),
    facts: { commit },
  };
  const copy = copyAt(params, reader);
  if (copy === "none") {
    const facts = newAttributes({}, reader, {
      folder: undefined,
      mode: FOLDER_MODE,
    });
    return {
      verdict: "change",
      changes: [{ what: "commit", from: "(absent)", to: shown }],
      fingerprint: fingerprintOf(["none", commit]),
      pins,
      effects: [
        {
          kind: "path",
          path: target,
          facts: { kind: "folder", size: 0, ...facts },
        },
        effect,
        { kind: "opaque" },
      ],
    };
  }
  const found = await lookAt(params, remote, reader);
  requireMovable(params, found);
  const changes = [
    ...found.origin === repo ? [] : [{
      what: "remote",
      from: withoutPassword(found.origin ?? "(none)"),
      to: withoutPassword(repo),
    }],
    ...commitChanges(params, found, commit),
    ...found.submodules.map((name): Change => ({
      what: `submodule ${name}`,
      to: "its commit",
    })),
  ];
  const fingerprint = fingerprintOf([found, commit]);
  if (changes.length === 0) {
    return { verdict: "ok", changes, fingerprint, pins };
  }
  return {
    verdict: "change",
    changes,
    fingerprint,
    pins,
    effects: [effect, { kind: "opaque" }],
  };
}

/** Name by which a later look in the same plan knows the commit that is to be there. */
function thingOf({ target }: GitParams): Thing {
  return { kind: "setting", name: `commit of ${target}` };
}

async function requireGit(
  params: GitParams,
  reader: HostReader,
  { opaque }: Forecast,
): Promise<void> {
  const answer = await tryGit(params, ["--version"], reader)
    .catch((error) => {
      if (error instanceof PiriError && error.code === "NOT_FOUND") {
        return { code: 127 };
      }
      throw error;
    });
  if (answer.code === 0) return;
  if (opaque !== undefined) {
    throw new Unforeseen(
      `git cannot be run yet, and step "${opaque}" may bring it`,
    );
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    "Cannot use git: this host has none, or its user cannot run it; install the package git by an earlier step",
  );
}

/** @throws {PiriError} FAILED_PRECONDITION for local work that would be lost */
function requireMovable(params: GitParams, found: Copy): void {
  const { target, force = false, rebase = false } = params;
  if (force) return;
  if (found.dirty.length > 0) {
    const names = found.dirty.slice(0, 5).map((line) => line.slice(3));
    const more = found.dirty.length - names.length;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot bring "${target}" up to date: it has local changes, in ${
        names.join(", ")
      }${
        more > 0 ? ` and ${more} more` : ""
      }; commit them elsewhere, or write "force: true", which throws them away`,
    );
  }
  if (found.hasOwnCommits && !rebase && found.isForward !== true) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot bring "${target}" up to date: it has commits that the remote repository does not have; push them, write "rebase: true" to keep them on top, or "force: true" to throw them away`,
    );
  }
}

function commitChanges(
  { force = false, rebase = false }: GitParams,
  { head, dirty, isAbove }: Copy,
  commit: string,
): Change[] {
  const changes: Change[] = [];
  if (head !== commit && !(rebase && isAbove === true)) {
    changes.push({
      what: "commit",
      from: head?.slice(0, SHOWN) ?? "(none)",
      to: commit.slice(0, SHOWN),
    });
  }
  if (force && dirty.length > 0) {
    changes.push({
      what: "local changes",
      from: `in ${dirty.length} files`,
      to: "(thrown away)",
    });
  }
  return changes;
}

async function bringThere(
  params: GitParams,
  { pins = {} }: Check,
  writer: HostWriter,
): Promise<void> {
  const { target, repo, rebase = false } = params;
  const commit = String(pins["commit"]);
  const ref = pins["ref"] === undefined ? undefined : String(pins["ref"]);
  const run = (...words: string[]) =>
    runGit(params, ["-C", target, ...words], writer);
  const has = async (...words: string[]) =>
    (await tryGit(params, ["-C", target, ...words], writer)).code === 0;
  if (copyAt(params, writer) === "none") {
    await runGit(params, ["init", "--quiet", "--", target], writer);
  }
  await run("config", "remote.origin.url", repo);
  await run(
    "config",
    "remote.origin.fetch",
    "+refs/heads/*:refs/remotes/origin/*",
  );
  const isHere = () => has("cat-file", "-e", `${commit}^{commit}`);
  await fetchCommit({ ...params, commit, ref }, { run, isHere });
  if (params.ff_only === true) {
    const isEmpty = !await has("rev-parse", "--verify", "--quiet", "HEAD");
    if (!isEmpty && !await has("merge-base", "--is-ancestor", "HEAD", commit)) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot bring "${target}" up to date: its commit is not below ${
          commit.slice(0, SHOWN)
        }, and "ff_only" only goes forward`,
      );
    }
  }
  if (rebase && await has("rev-parse", "--verify", "--quiet", "HEAD")) {
    await rebaseOn(commit, { params, run });
  } else {
    await checkOut(params, { commit, ref, run });
  }
  await run("update-ref", OWN_REF, commit);
  if (params.recurse_submodules === true) {
    await run("submodule", "sync", "--quiet", "--recursive");
    await run("submodule", "update", "--init", "--recursive", "--force");
  }
}

type Run = (...words: string[]) => Promise<void>;

/** Fetches by name, so that the working copy knows the branch; and by the commit, if the name has moved on. */
async function fetchCommit(
  { commit, ref, depth }: GitParams & RemoteCommit,
  { run, isHere }: { run: Run; isHere: () => Promise<boolean> },
): Promise<void> {
  const options = [
    "fetch",
    "--quiet",
    "--force",
    "--no-tags",
    "--no-recurse-submodules",
    ...depth === undefined ? [] : ["--depth", String(depth)],
    "--",
    "origin",
  ];
  const branch = branchOf(ref);
  if (ref !== undefined && ref !== "HEAD") {
    const place = branch === undefined ? ref : `refs/remotes/origin/${branch}`;
    await run(...options, `+${ref}:${place}`);
  }
  if (!await isHere()) await run(...options, commit);
}

async function checkOut(
  { force = false }: GitParams,
  { commit, ref, run }: RemoteCommit & { run: Run },
): Promise<void> {
  const how = ["checkout", "--quiet", ...force ? ["--force"] : []];
  const branch = branchOf(ref);
  if (branch === undefined) {
    await run(...how, "--detach", commit);
    return;
  }
  await run(...how, "--no-track", "-B", branch, commit);
  await run("config", `branch.${branch}.remote`, "origin");
  await run("config", `branch.${branch}.merge`, `refs/heads/${branch}`);
}

async function rebaseOn(
  commit: string,
  { params, run }: { params: GitParams; run: Run },
): Promise<void> {
  try {
    await run("rebase", "--quiet", commit);
  } catch (error) {
    await run("rebase", "--abort").catch(() => {});
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot bring "${params.target}" up to date: its own commits do not fit on top of ${
        commit.slice(0, SHOWN)
      }; rebase them by hand`,
      { cause: error },
    );
  }
}
