import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../../lib/base/sha256.ts";
import { stepPlace } from "./run_steps.ts";

const posix = Deno.build.os !== "windows";

/** Server on loopback with one file, which tells what it was asked. */
function serveFile(first: string | Uint8Array) {
  let content = first;
  const asked: string[] = [];
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request): Response => {
      const { pathname } = new URL(request.url);
      asked.push(
        `${request.method} ${pathname} ${request.headers.get("x-token") ?? ""}`
          .trim(),
      );
      if (pathname === "/moved") {
        const { port } = server.addr;
        return Response.redirect(`http://localhost:${port}/file`, 302);
      }
      if (pathname !== "/file") return new Response(null, { status: 404 });
      const bytes = bytesOf(content);
      return new Response(request.method === "HEAD" ? null : bytes.slice(), {
        headers: { etag: `"${encodeHex(sha256(bytes)).slice(0, 8)}"` },
      });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    change: (next: string) => content = next,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
}

function hashOf(content: string | Uint8Array): string {
  return encodeHex(sha256(bytesOf(content)));
}

Deno.test("a file with a hash is downloaded once, and its server is not asked again", async () => {
  await using place = await stepPlace();
  await using server = serveFile("one");
  const path = place.folder.at("file");
  const params = { path, url: `${server.url}/file`, sha256: hashOf("one") };

  const planned = await place.plan("file.Downloaded", params);
  const made = await place.apply("file.Downloaded", params);
  const again = await place.apply("file.Downloaded", params);

  assertEquals(
    [planned.verdict, made.succeeded, again.verdict],
    ["change", true, "ok"],
    planned.reason + made.reason,
  );
  assertEquals(await Deno.readTextFile(path), "one");
  assertEquals(server.asked, ["GET /file"]);
});

Deno.test("a file with another hash is not put in place", async () => {
  await using place = await stepPlace();
  await using server = serveFile("other");
  await place.folder.write("file", "former");
  const path = place.folder.at("file");

  const made = await place.apply("file.Downloaded", {
    path,
    url: `${server.url}/file`,
    sha256: hashOf("one"),
  });

  assertEquals(made.succeeded, false);
  assertStringIncludes(made.reason, `its SHA-256 is ${hashOf("other")}`);
  assertEquals(await Deno.readTextFile(path), "former");
});

Deno.test("a file without a hash is downloaded again once its ETag or its content is another", async () => {
  await using place = await stepPlace();
  await using server = serveFile("one");
  const path = place.folder.at("file");
  const params = { path, url: `${server.url}/file`, unpinned: true };

  const planned = await place.plan("file.Downloaded", params);
  const made = await place.apply("file.Downloaded", params);
  const again = await place.plan("file.Downloaded", params);
  await Deno.writeTextFile(path, "by hand");
  const changed = await place.plan("file.Downloaded", params);
  server.change("two");
  const moved = await place.apply("file.Downloaded", params);

  assertEquals(
    [planned.verdict, made.succeeded, again.verdict, changed.verdict],
    ["change", true, "ok", "change"],
    planned.reason + made.reason,
  );
  assertEquals(moved.succeeded, true, moved.reason);
  assertEquals(await Deno.readTextFile(path), "two");
});

Deno.test("headers go to the named server, and not where it leads", async () => {
  await using place = await stepPlace();
  await using server = serveFile("one");

  const made = await place.apply("file.Downloaded", {
    path: place.folder.at("file"),
    url: `${server.url}/moved`,
    sha256: hashOf("one"),
    headers: { "x-token": "abc" },
  });

  assertEquals(made.succeeded, true, made.reason);
  assertEquals(server.asked, ["GET /moved abc", "GET /file"]);
});

Deno.test("a download says what is wrong with its parameters, its URL and its server", async () => {
  await using place = await stepPlace();
  await using server = serveFile("one");
  const path = place.folder.at("file");
  const sha = hashOf("one");
  const file = `${server.url}/file`;

  const reasons = [];
  for (
    const params of [
      { url: file },
      { url: file, sha256: "abc" },
      { url: file, sha256: sha, unpinned: true },
      { url: "ftp://localhost/file", sha256: sha },
      { url: `${server.url}/none`, sha256: sha },
      { url: "http://127.0.0.1:1/file", sha256: sha },
    ]
  ) {
    const { reason } = await place.apply("file.Downloaded", {
      path,
      ...params,
    });
    reasons.push(reason);
  }

  const wanted = [
    'sha256\\": it is missing',
    "which has 64 hex digits",
    "leave one of both out",
    "write it with https:// or http://",
    "the server answers 404",
    "cannot be reached",
  ];
  for (const [index, text] of wanted.entries()) {
    assertStringIncludes(reasons[index] ?? "", text);
  }
});

/** Entry for the system's tar, made in a folder. */
async function tarOf(
  files: Readonly<Record<string, string>>,
  args: readonly string[] = ["-czf"],
): Promise<Uint8Array> {
  await using place = await stepPlace();
  for (const [name, text] of Object.entries(files)) {
    await place.folder.write(`in/${name}`, text);
  }
  await Deno.symlink("run", place.folder.at("in/app/link"));
  await Deno.chmod(place.folder.at("in/app/run"), 0o755);
  const { success } = await new Deno.Command("tar", {
    args: [...args, place.folder.at("out"), "-C", place.folder.at("in"), "app"],
  }).output();
  assertEquals(success, true);
  return await Deno.readFile(place.folder.at("out"));
}

const LONG = `app/${"folder-with-a-long-name/".repeat(8)}file`;

Deno.test({
  name: "an archive is extracted, is kept as it is, and is repaired",
  ignore: !posix,
  fn: async () => {
    await using place = await stepPlace();
    const archive = await tarOf({ "app/run": "#!/bin/sh\n", [LONG]: "deep" });
    await using server = serveFile(archive);
    const path = place.folder.at("srv");
    const params = {
      path,
      url: `${server.url}/file`,
      sha256: hashOf(archive),
      strip: 1,
    };

    const planned = await place.plan("archive.Extracted", params);
    const made = await place.apply("archive.Extracted", params);
    const again = await place.apply("archive.Extracted", params);
    await Deno.writeTextFile(`${path}/run`, "#!/bin/no\n");
    const unseen = await place.plan("archive.Extracted", params);
    const seen = await place.plan("archive.Extracted", {
      ...params,
      verify: true,
    });
    await Deno.remove(`${path}/link`);
    const repaired = await place.apply("archive.Extracted", params);

    assertEquals(planned.verdict, "change", planned.reason);
    assertEquals(made.succeeded, true, made.reason);
    assertEquals([again.verdict, unseen.verdict], ["ok", "ok"]);
    assertEquals(seen.changes, ["in it run as in the archive"]);
    assertEquals(repaired.changes, ["in it link as in the archive"]);
    assertEquals(await Deno.readTextFile(`${path}/run`), "#!/bin/sh\n");
    assertEquals(((await Deno.stat(`${path}/run`)).mode ?? 0) & 0o777, 0o755);
    assertEquals(await Deno.readLink(`${path}/link`), "run");
    assertEquals(
      await Deno.readTextFile(`${path}/${LONG.slice("app/".length)}`),
      "deep",
    );
    assertEquals(server.asked.length, 2);
  },
});

/** Header and content of one entry of a tar. */
function tarEntry(
  name: string,
  { type = "0", target = "", text = "" } = {},
): Uint8Array {
  const block = new Uint8Array(512 + Math.ceil(text.length / 512) * 512);
  const put = (at: number, value: string) =>
    block.set(new TextEncoder().encode(value), at);
  put(0, name);
  put(100, "0000644\0");
  put(124, `${text.length.toString(8).padStart(11, "0")}\0`);
  put(148, "        ");
  put(156, type);
  put(157, target);
  put(257, "ustar\0");
  const sum = block.subarray(0, 512).reduce((one, byte) => one + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  put(512, text);
  return block;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from([...parts, new Uint8Array(1024)].flatMap((part) => [
    ...part,
  ]));
}

Deno.test({
  name: "an archive that leads out of its folder writes nothing at all",
  ignore: !posix,
  fn: async () => {
    const good = tarEntry("good", { text: "good" });
    for (
      const bad of [
        tarEntry("../out", { text: "bad" }),
        tarEntry("/out", { text: "bad" }),
        tarEntry("a/../../out", { text: "bad" }),
        tarEntry("a\\..\\out", { text: "bad" }),
        tarEntry("link", { type: "2", target: "/etc" }),
        tarEntry("a/link", { type: "2", target: "../../out" }),
        tarEntry("copy", { type: "1", target: "../out" }),
        tarEntry("device", { type: "3" }),
      ]
    ) {
      await using place = await stepPlace();
      const archive = joined(good, bad);
      await using server = serveFile(archive);
      const path = place.folder.at("srv");

      const made = await place.apply("archive.Extracted", {
        path,
        url: `${server.url}/file`,
        sha256: hashOf(archive),
      });

      assertEquals(made.succeeded, false);
      assertEquals([...Deno.readDirSync(path)], [], made.reason);
    }
  },
});

Deno.test({
  name: "an archive writes through no link that is in its folder already",
  ignore: !posix,
  fn: async () => {
    await using place = await stepPlace();
    const archive = joined(tarEntry("sub/file", { text: "bad" }));
    await using server = serveFile(archive);
    await place.folder.write("srv/kept", "kept");
    await place.folder.write("elsewhere/kept", "kept");
    await Deno.symlink(
      place.folder.at("elsewhere"),
      place.folder.at("srv/sub"),
    );

    const made = await place.apply("archive.Extracted", {
      path: place.folder.at("srv"),
      url: `${server.url}/file`,
      sha256: hashOf(archive),
    });

    assertStringIncludes(made.reason, "something of another kind is at");
    const names = [...Deno.readDirSync(place.folder.at("elsewhere"))];
    assertEquals(names.map(({ name }) => name), ["kept"]);
  },
});

/** Zip with two files, one packed and one not, a folder and a link, as a program on Unix makes it. */
async function aZip(): Promise<Uint8Array> {
  const { makeZip } = await import("./make_zip.ts");
  return await makeZip([
    { name: "app/", mode: 0o40755, text: "" },
    { name: "app/packed", mode: 0o100600, text: "x".repeat(10_000) },
    { name: "app/plain", mode: 0o100755, text: "plain", isStored: true },
    { name: "app/link", mode: 0o120777, text: "plain", isStored: true },
  ]);
}

Deno.test({
  name:
    "a zip is extracted with its modes and links, and one that is cut is refused",
  ignore: !posix,
  fn: async () => {
    await using place = await stepPlace();
    const archive = await aZip();
    await using server = serveFile(archive);
    const cut = archive.slice(0, archive.length - 30);
    await using other = serveFile(cut);
    const path = place.folder.at("srv");
    const run = (url: string, content: Uint8Array) =>
      place.apply("archive.Extracted", {
        path,
        url: `${url}/file`,
        sha256: hashOf(content),
      });

    const made = await run(server.url, archive);
    const refused = await run(other.url, cut);

    assertEquals(made.succeeded, true, made.reason);
    const modes = ["packed", "plain"].map((name) =>
      (Deno.statSync(`${path}/app/${name}`).mode ?? 0) & 0o777
    );
    assertEquals(modes, [0o600, 0o755]);
    assertEquals(Deno.readTextFileSync(`${path}/app/packed`).length, 10_000);
    assertEquals(Deno.readLinkSync(`${path}/app/link`), "plain");
    assertStringIncludes(refused.reason, "it is no whole zip");
  },
});
