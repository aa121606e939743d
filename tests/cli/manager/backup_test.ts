import { assertEquals } from "@std/assert";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

Deno.test("backup names the folder, its size, and that it is a secret", async () => {
  const { code, stdout, manager } = await see(
    ["backup", "/b/piri", "--dir", "/srv/m"],
  );

  assertEquals(
    [code, stdout],
    [
      0,
      "/b/piri: 12 files, 2.9 MiB\nIt is as secret as the state folder: whoever has it can run anything on all agents\n",
    ],
  );
  assertEquals(manager.dirs, ["/srv/m"]);
  assertEquals(manager.backups, [{ to: "/b/piri", withKeys: true }]);
});

Deno.test("backup --without-keys names the keys that a Manager needs", async () => {
  const manager = new FakeManager();
  manager.leftOut = ["ca.key", "server.key"];
  const args = ["backup", "b", "--without-keys"];
  const { stdout } = await see(args, { manager });
  const { stdout: json } = await see([...args, "--json"], { manager });

  assertEquals(
    stdout,
    "b: 12 files, 2.9 MiB\nWithout ca.key, server.key: a Manager needs them to start\n",
  );
  assertEquals(jsonLines(json), [{
    dir: "b",
    files: 12,
    bytes: 3_000_000,
    leftOut: ["ca.key", "server.key"],
  }]);
  assertEquals(manager.backups.map(({ withKeys }) => withKeys), [false, false]);
});

Deno.test("backup tells of output that the state folder has lost", async () => {
  const manager = new FakeManager();
  manager.lack = "manager.db-output/3 has 10 of 20 bytes";
  const { code, stdout } = await see(["backup", "b"], { manager });
  const { stdout: json } = await see(["backup", "b", "--json"], { manager });

  assertEquals([code, stdout.split("\n").at(-2)], [
    0,
    "Some output is lost, in the state folder as well: manager.db-output/3 has 10 of 20 bytes",
  ]);
  assertEquals(jsonLines(json).map((line) => line["lack"]), [manager.lack]);
});
