import { assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { ask, hex, makeService, refusal, sha256, web } from "./asking.ts";

Deno.test("a file is the later group's, the earlier's or everyone's, and never another group's", async () => {
  await using data = await makeService({
    "files/all/a": "all",
    "files/all/b": "all",
    "files/all/c": "all",
    "files/groups/linux/b": "linux",
    "files/groups/linux/c": "linux",
    "files/groups/web/sub/d": "web",
    "files/groups/web/c": "web",
    "files/groups/db/e": "db",
  });
  const { service } = data;
  const content = (filename: string) => ({ filename, offset: 0, length: 100 });
  for (
    const [name, text] of [["a", "all"], ["b", "linux"], ["c", "web"], [
      "sub/d",
      "web",
    ]] as const
  ) {
    assertEquals(
      await ask(service, "file_content", content(name)),
      hex(text),
    );
  }
  for (const type of ["file_content", "file_stat", "file_hash", "file_mtime"]) {
    for (const name of ["e", "none", "a/b"]) {
      assertEquals(
        await refusal(service, type, content(name)),
        `NOT_FOUND Cannot find the file "${name}": the Manager has none of that name for agent "web-1"; put it into the Manager's state folder as files/all/${name}, or as files/groups/GROUP/${name} for one group`,
      );
    }
    assertEquals(
      await refusal(service, type, content("sub")),
      'NOT_FOUND Cannot find the file "sub": files/groups/web/sub is a folder; name one file in it, as sub/NAME',
    );
  }
});

Deno.test("a name with the Manager's folders in it gets the name without them", async () => {
  await using data = await makeService({ "files/all/nginx/site.conf": "x" });
  for (const folder of ["files/all", "files/groups/web"]) {
    const name = `${folder}/nginx/site.conf`;
    assertEquals(
      await refusal(data.service, "file_stat", name),
      `NOT_FOUND Cannot find the file "${name}": the Manager has none of that name for agent "web-1"; name a file by its path below files/all, as nginx/site.conf`,
    );
  }
});

Deno.test({
  name:
    "an entry that is no file is named with its place, and a file in a later folder counts",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using data = await makeService({
      "secret": "secret",
      "files/all/later": "all",
      "files/groups/web/later/x": "web",
    });
    const { folder, service } = data;
    const all = (name: string) => folder.at("files", "all", name);
    await Deno.symlink(folder.at("secret"), all("out"));
    await Deno.symlink("nothing", all("dangling"));
    await Deno.symlink("itself", all("itself"));
    await Deno.symlink("/dev/null", all("device"));
    await new Deno.Command("mkfifo", { args: [all("pipe")] }).output();
    using _socket = Deno.listen({ transport: "unix", path: all("socket") });
    const reasons: Record<string, string> = {
      "out":
        "links outside files/all; put the file itself there, or a link to a place in that folder",
      "dangling": "is a link to nothing; put the file itself there",
      "itself": "is a link to nothing; put the file itself there",
      "device":
        "links outside files/all; put the file itself there, or a link to a place in that folder",
      "pipe": "is a named pipe; put a plain file there",
      "socket": "is a socket; put a plain file there",
    };
    for (const [name, reason] of Object.entries(reasons)) {
      for (const type of ["file_stat", "file_content", "file_mtime"]) {
        assertEquals(
          await refusal(service, type, { filename: name }),
          `NOT_FOUND Cannot find the file "${name}": files/all/${name} ${reason}`,
        );
      }
    }
    assertEquals(await ask(service, "file_hash", "later"), sha256("all"));
  },
});

Deno.test({
  name:
    "file_stat tells the permissions of the file, without setuid and setgid",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using data = await makeService({ "files/all/a": "a" });
    const path = data.folder.at("files", "all", "a");
    for (
      const [mode, told] of [[0o755, "0755"], [0o6711, "0711"], [
        0o600,
        "0600",
      ]] as const
    ) {
      await Deno.chmod(path, mode);
      const stat = JSON.parse(await ask(data.service, "file_stat", "a"));
      assertEquals(stat.mode, told);
    }
  },
});

Deno.test("a file's name cannot lead out of the folders", async () => {
  await using data = await makeService({
    "secret": "secret",
    "files/groups/db/e": "db",
    "files/all/a": "all",
  });
  const absolute = data.folder.at("secret").replaceAll("\\", "/");
  for (
    const name of [
      "",
      "/",
      ".",
      "..",
      "../../secret",
      "../groups/db/e",
      "x/../../groups/db/e",
      "./a",
      "x//a",
      "a/",
      `/${absolute}`,
      "..\\..\\secret",
      "a\0",
      "x".repeat(1_025),
    ]
  ) {
    const shown = JSON.stringify(name.slice(0, 100));
    assertStringIncludes(
      await refusal(data.service, "file_hash", { filename: name }),
      `INVALID_ARGUMENT Cannot use the file name ${shown}: `,
    );
  }
});

Deno.test({
  name: "a link may lead to places in its folder, and not out of it",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using data = await makeService({
      "secret": "secret",
      "files/all/a": "all",
      "files/groups/db/e": "db",
      "files/groups/web/real/x": "web",
    });
    const { folder, service } = data;
    const links: [link: string, target: string][] = [
      ["inside", "real/x"],
      ["folder", "real"],
      ["out", folder.at("secret")],
      ["up", "../../../secret"],
      ["other", "../db"],
      ["itself", "itself"],
      ["dangling", "nothing"],
    ];
    for (const [link, target] of links) {
      await Deno.symlink(target, folder.at("files", "groups", "web", link));
    }
    for (const name of ["inside", "folder/x"]) {
      assertEquals(await ask(service, "file_hash", name), sha256("web"));
    }
    for (const name of ["out", "up", "other/e", "itself", "dangling"]) {
      assertEquals(
        (await refusal(service, "file_hash", name)).split(" ")[0],
        "NOT_FOUND",
      );
    }
    await Deno.mkdir(folder.at("data"));
    await Deno.symlink(folder.at("secret"), folder.at("data", "all.yaml"));
    assertEquals(await ask(service, "data", ""), "{}");
  },
});

Deno.test("file_content gives pieces of at most 64 KiB, and empty bytes past the end", async () => {
  const bytes = new Uint8Array(100_000).map((_, index) => index % 251);
  await using data = await makeService({ "files/all/big": bytes });
  const read = async (offset: number, length?: number) =>
    await data.service.answer(
      web,
      "file_content",
      JSON.stringify({ filename: "big", offset, length }),
    );
  assertEquals(await read(0), bytes.subarray(0, 65_536));
  assertEquals(await read(1, 1_000_000), bytes.subarray(1, 65_537));
  assertEquals(await read(65_536, 65_536), bytes.subarray(65_536));
  assertEquals(await read(99_999, 10), bytes.subarray(99_999));
  assertEquals(await read(100_000, 10), new Uint8Array());
  assertEquals(await read(5_000_000_000, 10), new Uint8Array());
});

Deno.test("file_content of a bad range names the wrong part", async () => {
  await using data = await makeService({ "files/all/a": "a" });
  const wrong: [params: unknown, part: string][] = [
    [{ filename: "a", offset: -1, length: 1 }, "offset"],
    [{ filename: "a", offset: 0.5, length: 1 }, "offset"],
    [{ filename: "a", offset: 0, length: 0 }, "length"],
    [{ offset: 0, length: 1 }, "filename"],
    ["a", "data"],
  ];
  for (const [params, part] of wrong) {
    assertEquals(
      await refusal(data.service, "file_content", params),
      `INVALID_ARGUMENT Cannot answer the request: "${part}" is missing or wrong`,
    );
  }
});

Deno.test("file_stat, file_hash and file_mtime tell size, SHA-256 and time, also after a change", async () => {
  await using data = await makeService({ "files/all/a": "one" });
  const { service, folder } = data;
  const at = (seconds: number) =>
    Deno.utime(folder.at("files", "all", "a"), seconds, seconds);
  await at(1_700_000_000.25);
  const { mode: _mode, ...stat } = JSON.parse(
    await ask(service, "file_stat", "a"),
  );
  assertEquals(stat, {
    size: 3,
    mtime: 1_700_000_000.25,
    sha256: sha256("one"),
  });
  assertEquals(await ask(service, "file_mtime", "a"), "1700000000.250");
  await folder.write("files/all/a", "two");
  await at(1_700_000_001);
  assertEquals(await ask(service, "file_hash", "a"), sha256("two"));
  assertEquals(await ask(service, "file_mtime", "a"), "1700000001.000");
});

Deno.test("many requests at once for a file's hash get the same one", async () => {
  await using data = await makeService({
    "files/all/a": new Uint8Array(3_000_000),
  });
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => ask(data.service, "file_hash", "a")),
  );
  assertEquals([...new Set(answers)], [
    createHash("sha256").update(new Uint8Array(3_000_000)).digest("hex"),
  ]);
});
