import { PiriError } from "../../base/errors.ts";
import type { HostReader } from "../host/host.ts";
import {
  askGit,
  type GitParams,
  OWN_REF,
  type RemoteCommit,
  tryGit,
} from "./git_repository.ts";

/** @throws {PiriError} FAILED_PRECONDITION for something else than a working copy */
export function copyAt(
  { target }: GitParams,
  reader: HostReader,
): "none" | "there" {
  const facts = reader.followed(target);
  if (facts === undefined && reader.facts(target) === undefined) return "none";
  if (facts?.kind === "folder") {
    const names = reader.names(target);
    if (names.length === 0) return "none";
    if (names.includes(".git")) return "there";
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot put a working copy at "${target}": something else is there; move it away first`,
  );
}

/** Working copy as it is. */
export interface Copy {
  /** Commit of HEAD; undefined before the first one. */
  readonly head: string | undefined;
  readonly origin: string | undefined;
  /** Lines about files that differ from HEAD. */
  readonly dirty: readonly string[];
  /** True if HEAD, or the branch that is to move, has commits that no remote name leads to. */
  readonly hasOwnCommits: boolean;
  /** True if HEAD has the wanted commit below it, false if not, undefined if that commit is not here yet. */
  readonly isAbove: boolean | undefined;
  /** True if the wanted commit has HEAD below it; undefined as above. */
  readonly isForward: boolean | undefined;
  /** Paths of submodules that are not at their commits. */
  readonly submodules: readonly string[];
}

/** Looks at a working copy that is there. */
export async function lookAt(
  params: GitParams,
  { commit, ref }: RemoteCommit,
  reader: HostReader,
): Promise<Copy> {
  const { target } = params;
  const at = (...words: string[]) => ["-C", target, ...words];
  const ask = async (...words: string[]) =>
    (await askGit(params, at(...words), reader)).trim();
  const tryTo = async (...words: string[]) => {
    const { code, stdout } = await tryGit(params, at(...words), reader);
    return code === 0 ? stdout.trim() : undefined;
  };
  // First, so that a copy that another user owns is told as such.
  await ask("rev-parse", "--git-dir");
  const head = await tryTo("rev-parse", "--verify", "--quiet", "HEAD");
  const status = await askGit(
    params,
    at("status", "--porcelain", "--untracked-files=no"),
    reader,
  );
  const branch = branchOf(ref);
  const tips = head === undefined ? [] : [head];
  const other = branch === undefined
    ? undefined
    : await tryTo("rev-parse", "--verify", "--quiet", `refs/heads/${branch}`);
  if (other !== undefined && other !== head) tips.push(other);
  let hasOwnCommits = false;
  for (const tip of tips) {
    const names = await ask(
      "for-each-ref",
      "--contains",
      tip,
      "--format=%(refname)",
      "refs/remotes",
      "refs/tags",
      OWN_REF,
    );
    if (names === "" && tip !== commit) hasOwnCommits = true;
  }
  const isHere = await tryTo("cat-file", "-e", `${commit}^{commit}`) !==
    undefined;
  const isBelow = async (one: string, another: string) =>
    await tryTo("merge-base", "--is-ancestor", one, another) !== undefined;
  const isAbove = head === undefined || !isHere
    ? undefined
    : await isBelow(commit, head);
  const isForward = head === undefined || !isHere
    ? undefined
    : await isBelow(head, commit);
  const submodules = params.recurse_submodules === true && head === commit
    ? await openSubmodules(params, reader)
    : [];
  return {
    head,
    origin: await tryTo("config", "--get", "remote.origin.url"),
    dirty: status.split("\n").filter((line) => line !== ""),
    hasOwnCommits,
    isAbove,
    isForward,
    submodules,
  };
}

async function openSubmodules(
  params: GitParams,
  reader: HostReader,
): Promise<string[]> {
  const text = await askGit(
    params,
    ["-C", params.target, "submodule", "status", "--recursive"],
    reader,
  );
  return text.split("\n").flatMap((line) => {
    const [, path] = /^[-+U][0-9a-f]+ (\S+)/.exec(line) ?? [];
    return path === undefined ? [] : [path];
  });
}

/** Branch that a full name means; undefined for a tag. */
export function branchOf(ref: string | undefined): string | undefined {
  return /^refs\/heads\/(.+)$/.exec(ref ?? "")?.[1];
}
