import { PiriError } from "../../lib/base/errors.ts";
import { run } from "./run.ts";

/** Commit of a checkout, with "-dirty" if files differ from it; "unknown" without git. */
export async function commitOf(root: string): Promise<string> {
  try {
    const commit = await run(["git", "rev-parse", "--short=12", "HEAD"], {
      cwd: root,
    });
    const changes = await run(
      ["git", "status", "--porcelain", "--untracked-files=no"],
      { cwd: root },
    );
    return commit.trim() + (changes === "" ? "" : "-dirty");
  } catch {
    // This is an archive of the sources, a machine without git, or a checkout of another user.
    return "unknown";
  }
}

/**
 * Time of the sources, so that two builds of a commit do not differ by when they were made: `SOURCE_DATE_EPOCH` if it is
 * set, else the time of the commit, and outside of a checkout the first second of 1970.
 *
 * @throws {PiriError} INVALID_ARGUMENT if `SOURCE_DATE_EPOCH` is no number of seconds
 */
export async function timeOf(
  root: string,
  epoch: string | undefined = Deno.env.get("SOURCE_DATE_EPOCH"),
): Promise<Date> {
  if (epoch === undefined || epoch === "") {
    return new Date(Number(await commitTime(root)) * 1000);
  }
  if (/^[0-9]{1,11}$/.test(epoch)) return new Date(Number(epoch) * 1000);
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use SOURCE_DATE_EPOCH "${epoch}": it takes seconds since 1970`,
  );
}

async function commitTime(root: string): Promise<string> {
  try {
    return await run(["git", "log", "-1", "--format=%ct"], { cwd: root });
  } catch {
    return "0";
  }
}
