import { assertEquals, assertStringIncludes } from "@std/assert";
import { type StepPlace, stepPlace } from "./run_steps.ts";

const hasGit = await new Deno.Command("git", {
  args: ["--version"],
  stdout: "null",
  stderr: "null",
}).output().then(({ success }) => success, () => false);
const OPERATION = "git.UpToDate";

/** Runs git in a folder, and returns what it prints. */
async function git(cwd: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["-c", "protocol.file.allow=always", ...args],
    cwd,
    env: {
      GIT_AUTHOR_NAME: "Anna",
      GIT_AUTHOR_EMAIL: "anna@example.org",
      GIT_COMMITTER_NAME: "Anna",
      GIT_COMMITTER_EMAIL: "anna@example.org",
      LC_ALL: "C",
    },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

/** Remote repository, and the working copy of somebody who pushes to it. */
class Remote {
  readonly #place: StepPlace;
  readonly name: string;

  private constructor(place: StepPlace, name: string) {
    this.#place = place;
    this.name = name;
  }

  static async make(place: StepPlace, name = "app"): Promise<Remote> {
    const remote = new Remote(place, name);
    await Deno.mkdir(remote.work, { recursive: true });
    const root = place.folder.at(".");
    await git(root, "init", "--quiet", "--bare", "-b", "main", remote.repo);
    await git(remote.work, "init", "--quiet", "-b", "main");
    await git(remote.work, "remote", "add", "origin", remote.repo);
    return remote;
  }

  get repo(): string {
    return this.#place.folder.at(`${this.name}.git`);
  }

  get work(): string {
    return this.#place.folder.at(`${this.name}.work`);
  }

  /** Pushes a commit that writes one file. */
  async commit(text: string, file = "file"): Promise<string> {
    await Deno.writeTextFile(`${this.work}/${file}`, text);
    await git(this.work, "add", ".");
    await git(this.work, "commit", "--quiet", "-m", text);
    await git(this.work, "push", "--quiet", "--force", "origin", "HEAD");
    return await git(this.work, "rev-parse", "HEAD");
  }
}

function gitTest(name: string, fn: () => Promise<void>): void {
  const reason = hasGit ? "" : " (not here: there is no git)";
  Deno.test({ name: `${name}${reason}`, ignore: !hasGit, fn });
}

gitTest(
  "a working copy is made, is up to date, and follows the remote repository",
  async () => {
    await using place = await stepPlace();
    const remote = await Remote.make(place);
    const first = await remote.commit("one");
    const params = { target: place.folder.at("copy"), repo: remote.repo };

    const planned = await place.plan(OPERATION, params);
    const isThere = await Deno.stat(params.target).then(
      () => true,
      () => false,
    );
    const made = await place.apply(OPERATION, params);
    const again = await place.apply(OPERATION, params);
    const second = await remote.commit("two");
    const older = await place.plan(OPERATION, params);
    const moved = await place.apply(OPERATION, params);

    assertEquals(isThere, false);
    assertEquals(
      planned.changes,
      [`commit (absent) ${first.slice(0, 10)}`],
      planned.reason,
    );
    assertEquals([made.succeeded, made.verdict], [true, "change"], made.reason);
    assertEquals(again.verdict, "ok");
    assertEquals(older.changes, [
      `commit ${first.slice(0, 10)} ${second.slice(0, 10)}`,
    ]);
    assertEquals(moved.succeeded, true, moved.reason);
    assertEquals(await git(params.target, "rev-parse", "HEAD"), second);
    assertEquals(await git(params.target, "branch", "--show-current"), "main");
  },
);

gitTest(
  "local changes stop an update, and force throws them away",
  async () => {
    await using place = await stepPlace();
    const remote = await Remote.make(place);
    await remote.commit("one");
    const target = place.folder.at("copy");
    const params = { target, repo: remote.repo };
    await place.apply(OPERATION, params);
    await Deno.writeTextFile(`${target}/file`, "by hand");
    await Deno.writeTextFile(`${target}/untracked`, "mine");

    const stopped = await place.plan(OPERATION, params);
    const forced = await place.apply(OPERATION, { ...params, force: true });

    assertStringIncludes(stopped.reason, "it has local changes, in file;");
    assertEquals(forced.changes, ["local changes in 1 files (thrown away)"]);
    assertEquals(await Deno.readTextFile(`${target}/file`), "one");
    assertEquals(await Deno.readTextFile(`${target}/untracked`), "mine");
  },
);

gitTest(
  "own commits stop an update, stay on top by rebase, and go by force",
  async () => {
    await using place = await stepPlace();
    const remote = await Remote.make(place);
    await remote.commit("one");
    const target = place.folder.at("copy");
    const params = { target, repo: remote.repo };
    await place.apply(OPERATION, params);
    await git(target, "config", "user.name", "Ben");
    await git(target, "config", "user.email", "ben@example.org");
    await Deno.writeTextFile(`${target}/own`, "mine");
    await git(target, "add", ".");
    await git(target, "commit", "--quiet", "-m", "own");
    const newest = await remote.commit("two");

    const stopped = await place.plan(OPERATION, params);
    const rebased = await place.apply(OPERATION, { ...params, rebase: true });
    const parent = await git(target, "rev-parse", "HEAD^");
    const again = await place.plan(OPERATION, { ...params, rebase: true });
    const forced = await place.apply(OPERATION, { ...params, force: true });

    assertStringIncludes(stopped.reason, "commits that the remote repository");
    assertEquals(rebased.succeeded, true, rebased.reason);
    assertEquals([parent, again.verdict], [newest, "ok"]);
    assertEquals(forced.succeeded, true, forced.reason);
    assertEquals(await git(target, "rev-parse", "HEAD"), newest);
  },
);

gitTest(
  "a tag and a commit are checked out, also older ones; an unknown revision is told",
  async () => {
    await using place = await stepPlace();
    const remote = await Remote.make(place);
    const first = await remote.commit("one");
    await git(remote.work, "tag", "-a", "v1", "-m", "first");
    await git(remote.work, "push", "--quiet", "origin", "v1");
    const second = await remote.commit("two");
    const target = place.folder.at("copy");
    const params = { target, repo: remote.repo };
    const head = () => git(target, "rev-parse", "HEAD");

    await place.apply(OPERATION, params);
    const heads = [await head()];
    for (const rev of ["v1", second, first, "refs/tags/v1", "main"]) {
      const { succeeded, reason } = await place.apply(OPERATION, {
        ...params,
        rev,
      });
      assertEquals(succeeded, true, reason);
      heads.push(await head());
    }
    const unknown = await place.plan(OPERATION, { ...params, rev: "v9" });
    const option = await place.plan(OPERATION, { ...params, rev: "--all" });

    assertEquals(heads, [second, first, second, first, first, second]);
    assertStringIncludes(unknown.reason, 'Cannot find \\"v9\\" in');
    assertStringIncludes(option.reason, 'Cannot use "rev"');
  },
);

gitTest(
  "a planned commit is applied, whatever has become newest, also with a short history",
  async () => {
    await using place = await stepPlace();
    const remote = await Remote.make(place);
    await remote.commit("one");
    const target = place.folder.at("copy");
    const params = { target, repo: `file://${remote.repo}`, depth: 1 };
    await place.apply(OPERATION, params);
    const second = await remote.commit("two");

    const moved = await place.apply(OPERATION, params);

    assertEquals(moved.succeeded, true, moved.reason);
    assertEquals(await git(target, "rev-parse", "HEAD"), second);
    assertEquals(await git(target, "rev-list", "--count", "HEAD"), "1");
  },
);

gitTest(
  "a rewritten branch of the remote repository is taken, and not by ff_only",
  async () => {
    await using place = await stepPlace();
    const remote = await Remote.make(place);
    await remote.commit("one");
    await remote.commit("two");
    const target = place.folder.at("copy");
    const params = { target, repo: remote.repo };
    await place.apply(OPERATION, params);
    await git(remote.work, "reset", "--quiet", "--hard", "HEAD^");
    const rewritten = await remote.commit("three");

    const forward = await place.apply(OPERATION, { ...params, ff_only: true });
    const taken = await place.apply(OPERATION, params);

    assertStringIncludes(forward.reason, '\\"ff_only\\" only goes forward');
    assertEquals(taken.succeeded, true, taken.reason);
    assertEquals(await git(target, "rev-parse", "HEAD"), rewritten);
  },
);

gitTest(
  "a folder with other things is left alone, and another remote is set",
  async () => {
    await using place = await stepPlace();
    const remote = await Remote.make(place);
    const other = await Remote.make(place, "other");
    await remote.commit("one");
    const there = await other.commit("elsewhere");
    await place.folder.write("full/note", "mine");
    const target = place.folder.at("copy");
    await place.apply(OPERATION, { target, repo: remote.repo });

    const full = await place.plan(OPERATION, {
      target: place.folder.at("full"),
      repo: remote.repo,
    });
    const moved = await place.apply(OPERATION, { target, repo: other.repo });

    assertStringIncludes(full.reason, "something else is there");
    assertEquals(moved.changes[0], `remote ${remote.repo} ${other.repo}`);
    assertEquals(moved.succeeded, true, moved.reason);
    assertEquals(await git(target, "rev-parse", "HEAD"), there);
  },
);

gitTest("hooks of a working copy are not run", async () => {
  await using place = await stepPlace();
  const remote = await Remote.make(place);
  await remote.commit("one");
  const target = place.folder.at("copy");
  const params = { target, repo: remote.repo };
  await place.apply(OPERATION, params);
  const hook = `${target}/.git/hooks/post-checkout`;
  await Deno.mkdir(`${target}/.git/hooks`, { recursive: true });
  await Deno.writeTextFile(hook, `#!/bin/sh\ntouch ${target}/hooked\n`);
  await Deno.chmod(hook, 0o755);
  await remote.commit("two");

  const moved = await place.apply(OPERATION, params);

  const names = [...Deno.readDirSync(target)].map(({ name }) => name).sort();
  assertEquals([moved.succeeded, names], [true, [".git", "file"]]);
});
