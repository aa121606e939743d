import { assertEquals } from "@std/assert";
import { startFleet } from "../support/fleet.ts";
import { outline, readTree } from "../files/support.ts";
import { floodBytes } from "../support/program.ts";
import { story } from "../support/story.ts";

const linux = Deno.build.os === "linux";

/** Makes a tree with many files and all kinds of names. Returns its path. */
async function makeTree(folder: string): Promise<string> {
  const { makeFolder, makeLink, rename, setMode } = await import(
    "../../lib/files/host_files.ts"
  );
  const path = `${folder}/tree`;
  await Deno.mkdir(`${path}/empty`, { recursive: true });
  const modes = [0o644, 0o600, 0o755, 0o440];
  for (let at = 0; at < 84; at++) {
    const place = `${path}/d${at % 7}/grüße ${at % 3}`;
    await Deno.mkdir(place, { recursive: true });
    await Deno.writeFile(`${place}/日本 ${at}`, floodBytes(at * 37));
    const mode = modes[at % modes.length] ?? 0;
    await Deno.chmod(`${place}/日本 ${at}`, mode);
  }
  await Deno.writeFile(`${path}/large`, floodBytes(2_000_000));
  makeLink("../nowhere", `${path}/d0/link`);
  makeLink("/etc/passwd", `${path}/passwd`);
  if (linux) {
    makeFolder(`${path}/caf\udce9`);
    rename(`${path}/d1`, `${path}/caf\udce9/\udcff`);
  }
  setMode(`${path}/empty`, 0o710);
  return path;
}

story(
  "a tree is put on three hosts and got back: equal in names, content, modes, times and links",
  async (executables) => {
    const agents = ["web-1", "web-2", "web-3"];
    await using fleet = await startFleet(executables, { agents });
    const tree = await makeTree(fleet.folder.path);
    const expected = await readTree(tree);
    for (const agent of agents) {
      const put = await fleet.manager(
        ...["put", tree, `${agent}:${fleet.folder.at(`on-${agent}`)}`],
      );
      assertEquals([put.code, put.stderr], [0, ""]);
    }
    const again = await fleet.manager(
      ...["put", tree, `web-1:${fleet.folder.at("on-web-1")}`],
    );
    assertEquals(again.stdout, `unchanged: ${fleet.folder.at("on-web-1")}\n`);
    const back = fleet.folder.at("back");
    const got = await fleet.manager(
      ...[
        "get",
        ...agents.map((name) => `${name}:${fleet.folder.at(`on-${name}`)}`),
      ],
      back,
    );

    assertEquals([got.code, got.stderr], [0, ""]);
    for (const agent of agents) {
      assertEquals(await readTree(`${back}/on-${agent}`), expected);
    }
    const [status] = await fleet.json("status");
    assertEquals(Number(status?.["outputBytes"]) < 10_000, true);
  },
  { ignored: linux ? undefined : "names and modes are those of Linux" },
);

story(
  "a pattern of agents gets a folder for each, and only what differs comes again",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "web-2"],
    });
    const file = await fleet.folder.write("conf/app.conf", "port 80\n");
    await fleet.folder.write("conf/other", "same");
    const back = fleet.folder.at("back");
    const get = async () =>
      (await fleet.manager("get", `web-*:${fleet.folder.at("conf")}`, back))
        .stdout.split("\n").sort();
    await get();
    await Deno.writeTextFile(file, "port 81\n");

    assertEquals(await get(), [
      "",
      "web-1: got 1 file (8 bytes), 1 unchanged",
      "web-2: got 1 file (8 bytes), 1 unchanged",
    ]);
    assertEquals(outline(await readTree(back)), [
      ". folder",
      "web-1 folder",
      "web-1/conf folder",
      "web-1/conf/app.conf file",
      "web-1/conf/other file",
      "web-2 folder",
      "web-2/conf folder",
      "web-2/conf/app.conf file",
      "web-2/conf/other file",
    ]);
  },
);

story(
  "put and get tell by host which files fail, with an exit code that is not 0",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const file = await fleet.folder.write("f", "x");
    const put = await fleet.manager(
      ...["put", file, `web-1:${fleet.folder.at("no/such/f")}`],
    );
    const nosuch = fleet.folder.at("nosuch");
    const got = await fleet.manager(
      ...["get", `web-1:${nosuch}`, fleet.folder.at("back")],
    );
    const unknown = await fleet.manager("get", "wbe-1:/etc/hosts", "back");

    assertEquals(put.code, 1);
    assertEquals(
      put.stderr,
      `web-1: failed: Cannot write "${
        fleet.folder.at("no/such/f")
      }": there is no such file or folder\n`,
    );
    assertEquals([got.code, got.stderr], [
      5,
      `web-1: Cannot read "${nosuch}": there is no such file or folder\n`,
    ]);
    assertEquals(unknown.code, 5);
  },
);
