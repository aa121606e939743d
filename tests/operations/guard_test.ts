import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { type TreeEntry, treeLines } from "../../lib/files/tree.ts";
import { fileFetch } from "../../lib/operations/file_fetch.ts";
import { fileList } from "../../lib/operations/file_list.ts";
import { filePut } from "../../lib/operations/file_put.ts";
import { fileRead } from "../../lib/operations/file_read.ts";
import { fileStat } from "../../lib/operations/file_stat.ts";
import { Guard, type GuardBounds } from "../../lib/operations/guard.ts";
import { fileOf, folderOf, sha256Of } from "../files/support.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { finish, newContext, textOf } from "./support.ts";

const ignore = Deno.build.os === "windows";

/** Host with the folder of an agent and one for sites. */
async function makeHost(): Promise<TempFolder> {
  const folder = await TempFolder.make();
  await folder.write("lib/agent/agent.key", "key");
  await folder.write("lib/other/file", "other");
  await folder.write("srv/site/private/x", "private");
  await folder.write("srv/site/index", "site");
  return folder;
}

const ownOf = (folder: TempFolder): GuardBounds => ({
  own: { folder: folder.at("lib/agent"), files: [folder.at("lib/unit")] },
});

/** Context of an operation with bounds, and a Manager that has a tree of files of one content. */
function contextOf(bounds: GuardBounds, entries: readonly TreeEntry[] = []) {
  const text = [...treeLines(entries)].join("");
  const blobs = new Map(
    [text, "new"].map((content) =>
      [sha256Of(content), new TextEncoder().encode(content)] as const
    ),
  );
  const context = newContext({
    text: () =>
      Promise.resolve(
        JSON.stringify({ size: 3, sha256: sha256Of("new"), mode: "4755" }),
      ),
    bytes: (type, params) => {
      const { sha256, offset, length } = params as Record<string, number>;
      const content = type === "blob"
        ? blobs.get(String(sha256))
        : blobs.get(sha256Of("new"));
      return Promise.resolve(
        content?.slice(offset, Number(offset) + Number(length)) ??
          new Uint8Array(),
      );
    },
  });
  return {
    context: { ...context, guard: new Guard(bounds) },
    tree: sha256Of(text),
  };
}

Deno.test({
  name: "a list of a folder leaves out the agent's own, and says so",
  ignore,
  async fn() {
    await using folder = await makeHost();
    const { context } = contextOf(ownOf(folder));
    const { stdout, outcome } = await finish(
      fileList.run({ path: folder.at("lib") }, context),
    );
    assertEquals(
      textOf(stdout).trim().split("\n").slice(1)
        .map((line) => JSON.parse(line).name),
      ["", "other", "other/file"],
    );
    assertEquals(
      outcome.message,
      `left out 1 that nobody may read by this agent: ${
        folder.at("lib/agent")
      }`,
    );
  },
});

Deno.test({
  name:
    "a tree with one place that may not be written is refused before anything is written",
  ignore,
  async fn() {
    await using folder = await makeHost();
    const put = async (
      bounds: GuardBounds,
      path: string,
      entries: readonly TreeEntry[],
      more: { delete?: boolean; backup?: boolean } = {},
    ) => {
      const { context, tree } = contextOf(bounds, entries);
      const error = await assertRejects(
        () => finish(filePut.run({ tree, path, ...more }, context)),
        PiriError,
      );
      return [error.code, error.message];
    };
    const files = [
      fileOf("new", "new"),
      folderOf("agent"),
      fileOf("agent/agent.key", "new"),
    ];
    assertEquals(await put(ownOf(folder), folder.at("lib/"), files), [
      "REFUSED",
      `Cannot write "${folder.at("lib/agent")}" here: "${
        folder.at("lib/agent")
      }" belongs to the agent itself`,
    ]);
    assertEquals(
      await put(ownOf(folder), folder.at("lib/"), [fileOf("unit", "new")]),
      [
        "REFUSED",
        `Cannot write "${folder.at("lib/unit")}" here: "${
          folder.at("lib/unit")
        }" belongs to the agent itself`,
      ],
    );
    for (const more of [{ delete: true }, { backup: true }]) {
      assertEquals(
        await put(
          ownOf(folder),
          folder.at("lib/"),
          [fileOf("new", "new")],
          more,
        ),
        [
          "REFUSED",
          `Cannot delete in "${folder.at("lib")}" here: "${
            folder.at("lib/agent")
          }" may be in it, which stays as it is`,
        ],
      );
    }
    const site = folder.at("srv/site");
    const bounds = { allow: [`${site}/**`], deny: [`${site}/priv*`] };
    const inSite = [
      fileOf("new", "new"),
      folderOf("private"),
      fileOf("private/x", "new"),
    ];
    assertEquals((await put(bounds, `${site}/`, inSite))[0], "REFUSED");
    assertEquals(
      (await put(bounds, `${site}/`, [fileOf("new", "new")], { delete: true }))[
        0
      ],
      "REFUSED",
    );
    assertEquals(
      (await put({ allow: [`${site}/*`, site] }, `${site}/`, [
        folderOf("a"),
        fileOf("a/b", "new"),
      ]))[0],
      "REFUSED",
    );
    assertEquals([...Deno.readDirSync(folder.at("lib"))].length, 2);
    assertEquals([...Deno.readDirSync(site)].length, 2);

    const { context, tree } = contextOf(bounds, [fileOf("new", "new")]);
    const { outcome } = await finish(
      filePut.run({ tree, path: `${site}/` }, context),
    );
    assertEquals(outcome.success, true);
  },
});

Deno.test({
  name:
    "a link that is put into the place of a folder after the decision leads nowhere",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await makeHost();
    const path = folder.at("srv/site/index");
    const bounds = { ...ownOf(folder), allow: [folder.at("srv/site/**")] };
    new Guard(bounds).require("read", path);
    await Deno.rename(folder.at("srv/site"), folder.at("srv/before"));
    await Deno.symlink(folder.at("lib/other"), folder.at("srv/site"));
    const { context } = contextOf(bounds);
    await assertRejects(
      () => finish(fileStat.run({ path: folder.at("srv/site/file") }, context)),
      PiriError,
      "no rule of this agent's policy allows it",
    );
    const part = { offset: 0, length: 1 };
    const error = await assertRejects(
      () =>
        finish(fileRead.run({
          path: folder.at("srv/site/file"),
          parts: [{ ...part, name: "" }],
        }, context)),
      PiriError,
    );
    assertEquals(
      error.message,
      `Cannot read "${
        folder.at("lib/other/file")
      }" here: no rule of this agent's policy allows it`,
    );
  },
});

Deno.test({
  name:
    "a file within bounds gets no bit to run as its owner, whatever the Manager says",
  ignore,
  async fn() {
    await using folder = await makeHost();
    const path = folder.at("srv/site/tool");
    const modeWith = async (bounds: GuardBounds) => {
      await Deno.remove(path).catch(() => {});
      const { context } = contextOf(bounds);
      await finish(fileFetch.run({ source: "tool", path }, context));
      return ((await Deno.stat(path)).mode ?? 0) & 0o7777;
    };
    assertEquals(await modeWith({}), 0o4755);
    assertEquals(await modeWith({ allow: [folder.at("srv/**")] }), 0o755);
  },
});

Deno.test({
  name:
    "a file is written into the folder that was judged, though a link takes its place before",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await makeHost();
    const path = folder.at("srv/site/d/file");
    const bounds = { allow: [folder.at("srv/**")] };
    for (const parents of [false, true]) {
      await Deno.mkdir(folder.at("srv/site/d"), { recursive: true });
      const { context } = contextOf(bounds);
      const bytes = async (...args: Parameters<typeof context.data.bytes>) => {
        await Deno.rename(folder.at("srv/site/d"), folder.at(`srv/${parents}`));
        await Deno.symlink(folder.at("lib/other"), folder.at("srv/site/d"));
        return await context.data.bytes(...args);
      };
      await finish(fileFetch.run({ source: "x", path, parents }, {
        ...context,
        data: { ...context.data, bytes },
      }));
      await Deno.remove(folder.at("srv/site/d"));
      assertEquals(
        await Deno.readTextFile(folder.at("lib/other/file")),
        "other",
      );
      assertEquals(
        await Deno.readTextFile(folder.at(`srv/${parents}/file`)),
        "new",
      );
    }
  },
});

Deno.test({
  name:
    "missing folders are made within bounds only, and no link leads out of them",
  ignore,
  async fn() {
    await using folder = await makeHost();
    const bounds = { ...ownOf(folder), allow: [folder.at("srv/**")] };
    await Deno.symlink(folder.at("lib"), folder.at("srv/out"));
    const codeOfFetch = async (path: string) => {
      const { context } = contextOf(bounds);
      const run = fileFetch.run({ source: "x", path, parents: true }, context);
      return await finish(run).then(() => "", ({ code }) => code);
    };
    assertEquals(await codeOfFetch(folder.at("srv/a/b/c")), "");
    assertEquals(
      ((await Deno.stat(folder.at("srv/a/b"))).mode ?? 0) & 0o777,
      0o755,
    );
    assertEquals(await codeOfFetch(folder.at("srv/out/a/b")), "REFUSED");

    const put = async (target: string) => {
      const link = { kind: "link", name: "l", mtimeMs: 0, target } as const;
      const { context, tree } = contextOf(bounds, [link]);
      const path = folder.at("srv/x/y/");
      const run = filePut.run({ tree, path, parents: true }, context);
      return await finish(run).then(() => "", ({ code }) => code);
    };
    assertEquals(await put(folder.at("lib/agent/agent.key")), "REFUSED");
    assertEquals(await put("../../../lib/agent/agent.key"), "REFUSED");
    assertEquals(await put("/etc/shadow"), "REFUSED");
    assertEquals(await put("../z"), "");
    assertEquals([...Deno.readDirSync(folder.at("lib"))].length, 2);
  },
});

Deno.test({
  name: "the agent's own process and folder are kept under all their names",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using folder = await makeHost();
    await Deno.symlink(folder.at("lib/agent"), folder.at("other-name"));
    const thread = [...Deno.readDirSync("/proc/self/task")].at(-1)?.name;
    const guard = new Guard({
      own: { folder: folder.at("other-name"), files: [] },
    });
    const paths = [
      folder.at("lib/agent"),
      folder.at("lib/agent/journal/new"),
      `/proc/self/root${folder.at("lib/agent/agent.key")}`,
      "/proc/self/mem",
      "/proc/thread-self/mem",
      `/proc/${Deno.pid}/environ`,
      `/proc/${thread}/mem`,
    ];
    assertEquals(
      paths.filter((path) => guard.obstacle("read", path) === undefined),
      [],
    );
    assertEquals(
      [folder.at("lib/other/file"), "/proc/1/stat", "/proc/meminfo"]
        .filter((path) => guard.obstacle("read", path) !== undefined),
      [],
    );
  },
});
