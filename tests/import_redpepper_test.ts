import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../lib/base/errors.ts";
import { openImport } from "../lib/import_redpepper.ts";
import { managerServices } from "../lib/manager_services.ts";
import { TempFolder } from "./support/temp_folder.ts";

/** Folder of RedPepper with one agent, and a place beside it. */
async function aFolder() {
  const folder = await TempFolder.make();
  await folder.write("etc/manager.yml", "data_base_dir: lib/data\n");
  await folder.write(
    "lib/data/agents.yml",
    `web-1:\n  secret_hash: ${"ab".repeat(32)}\n  allowed_ips: 10.0.0.0/8\n`,
  );
  await folder.write("lib/data/groups.yml", '"*": [web]\n');
  await folder.write("lib/data/data/web.yml", "port: 80\n");
  await folder.write("lib/data/data/web/motd", "hello");
  await folder.write(
    "lib/data/state/web.yml",
    "- Motd: {type: file.Installed, path: /etc/motd, source: motd}\n- Bad: {type: py.Exec, script: x}\n- Go: {type: go.Installed}\n",
  );
  await folder.write(
    "lib/data/operations/go.py",
    "class Installed(Operation):\n",
  );
  return folder;
}

Deno.test("an import into a folder writes all of it once, and tells what the compiler refuses", async () => {
  await using folder = await aFolder();
  const dir = folder.at("out");
  const open = () => openImport(folder.at("etc"), { dir, isManager: false });
  const first = await open();
  for (const { path } of first.files) await first.write(path);

  const second = await open();
  await Deno.writeTextFile(`${dir}/data/groups/web.yaml`, "port: 81\n");
  const third = await open();

  assertEquals(first.files.map(({ path, found }) => [path, found]), [
    ["data/groups/web.yaml", "nothing"],
    ["files/groups/web/motd", "nothing"],
    ["states/groups/web.yaml", "nothing"],
    ["agents.sh", "nothing"],
  ]);
  assertEquals(
    second.files.map(({ found }) => found),
    ["same", "same", "same", "same"],
  );
  assertEquals(
    third.files.filter(({ found }) => found !== "same"),
    [{ path: "data/groups/web.yaml", found: "other" }],
  );
  await assertRejects(
    () => third.write("data/groups/web.yaml"),
    PiriError,
    "it has been made meanwhile",
  );
  assertEquals(
    first.notes.filter(({ isLost }) => isLost).map(({ file, line, message }) =>
      `${file}:${line} ${message.split(";")[0]}`
    ),
    [
      'operations/go.py:1 Cannot take the operation "go.Installed": Python is not run on hosts',
      'state/web.yml:2 Cannot find the operation "py.Exec": Python of a state is not run',
      'state/web.yml:3 Cannot use "go.Installed": it is Python, in operations/go.py',
    ],
  );
  assertEquals(
    await Deno.readTextFile(`${dir}/agents.sh`),
    `#!/bin/sh\npiri-manager agent add web-1 --group web --cidr 10.0.0.0/8 --secret-hash ${
      "ab".repeat(32)
    }\n`,
  );
});

Deno.test("a link out of the folder is not followed, and one inside is", async () => {
  await using folder = await aFolder();
  await folder.write("secret", "not theirs");
  const data = folder.at("lib/data/data/web");
  await Deno.symlink(folder.at("secret"), `${data}/out`);
  await Deno.symlink("motd", `${data}/in`);

  const { files, notes } = await openImport(folder.at("lib/data"), {
    dir: folder.at("out"),
    isManager: false,
  });

  assertEquals(
    files.map(({ path }) => path).filter((path) => path.startsWith("files/")),
    ["files/groups/web/in", "files/groups/web/motd"],
  );
  assertEquals(
    notes.filter(({ file }) => file === "data/web/out").map(({ isLost }) =>
      isLost
    ),
    [true],
  );
});

Deno.test("an import says where it looks for RedPepper, and where it cannot write", async () => {
  await using folder = await aFolder();

  await assertRejects(
    () =>
      openImport(folder.at("none"), {
        dir: folder.at("out"),
        isManager: false,
      }),
    PiriError,
    "there is no agents.yml in",
  );
  await assertRejects(
    () =>
      managerServices.redpepper(folder.at("etc"), {
        stateDir: folder.at("out"),
        into: undefined,
      }),
    PiriError,
    "it is no state folder of a Manager",
  );
});
