import { assertEquals, assertStringIncludes } from "@std/assert";
import { TempFolder } from "../../support/temp_folder.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

/** Manager whose identity has this length, and these agents. */
function managerOf(
  length: number,
  { joined = 2, notJoined = [] }: {
    joined?: number;
    notJoined?: readonly string[];
  } = {},
): FakeManager {
  const manager = new FakeManager();
  manager.exported = { text: "x".repeat(length), joined, notJoined };
  return manager;
}

Deno.test("export-identity prints the text alone to stdout, and on stderr that it is a secret", async () => {
  const { code, stdout, stderr, manager } = await see([
    "export-identity",
    "--dir",
    "/srv/m",
  ]);

  assertEquals([code, stdout], [0, "piristate1-secret-12345678\n"]);
  assertEquals(
    stderr,
    "This text is a secret: whoever has it can run anything on all 2 agents of this Manager\n",
  );
  assertEquals(manager.dirs, ["/srv/m"]);
});

Deno.test("export-identity prints no secret to a terminal unless it is told to", async () => {
  const refused = await see(["export-identity"], { terminals: ["stdout"] });
  const told = await see(["export-identity", "--yes"], {
    terminals: ["stdout"],
  });

  assertEquals([refused.code, refused.stdout], [2, ""]);
  assertStringIncludes(refused.stderr, "standard output is a terminal");
  assertEquals(told.stdout, "piristate1-secret-12345678\n");
});

Deno.test("export-identity --out writes a file that nobody else can read, also over an open one", async () => {
  await using folder = await TempFolder.make();
  const path = await folder.write("state", "before");
  const { code, stdout } = await see(["export-identity", "--out", path], {
    terminals: ["stdout"],
  });
  const { mode } = await Deno.stat(path);

  assertEquals([code, stdout], [0, `${path}: 26 bytes, 2 agents\n`]);
  assertEquals(await Deno.readTextFile(path), "piristate1-secret-12345678\n");
  assertEquals(
    mode === null ? "private by its folder" : (mode & 0o777).toString(8),
    Deno.build.os === "windows" ? "private by its folder" : "600",
  );
});

Deno.test("export-identity names the agents that have not joined", async () => {
  const manager = managerOf(100, { notJoined: ["web-1", "web-2", "web-3"] });
  const { stderr } = await see(["export-identity"], { manager });

  assertStringIncludes(
    stderr,
    "Not joined, so not reached by it before it is exported again: web-[1-3]\n",
  );
});

Deno.test("export-identity --json is one value", async () => {
  const { stdout, stderr } = await see(["export-identity", "--json"]);

  assertEquals(jsonLines(stdout), [
    { text: "piristate1-secret-12345678", bytes: 26, joined: 2 },
  ]);
  assertEquals(stderr, "");
});

Deno.test("a text that no GitHub secret can hold is refused, with the number of agents that fit", async () => {
  const manager = managerOf(49_153, { joined: 640 });
  const { code, stdout, stderr } = await see(["export-identity"], { manager });
  const fits = await see(["export-identity"], { manager: managerOf(49_152) });
  const large = await see(["export-identity", "--large"], { manager });

  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr.split("\n")[0],
    "error: Cannot export the identity: its 640 agents make 49153 bytes, and the limit of a GitHub secret is 49152 bytes, about 600 agents",
  );
  assertEquals([fits.code, large.code], [0, 0]);
});

Deno.test("a text that no environment variable can hold is refused even with --large", async () => {
  const manager = managerOf(131_061, { joined: 1_700 });
  const { code, stderr } = await see(["export-identity", "--large"], {
    manager,
  });

  assertEquals(code, 1);
  assertStringIncludes(stderr, "about 1600 agents; keep the state folder");
});

Deno.test("export-identity has the facts of agents unless it is told to leave them out", async () => {
  const full = await see(["export-identity"]);
  const short = await see(["export-identity", "--no-facts"]);

  assertEquals(
    [full.manager.exportedFacts, short.manager.exportedFacts],
    [true, false],
  );
});
