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
