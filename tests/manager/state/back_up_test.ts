import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  backUp,
  type BackUpOptions,
} from "../../../lib/manager/state/back_up.ts";
import { managerServices } from "../../../lib/manager_services.ts";
import { copyDatabase, lackOf } from "../../../lib/store/copy_database.ts";
import { systemClock } from "../../../lib/base/clock.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { Database } from "../../../lib/store/database.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";
import { create } from "../../store/support.ts";
import { TempFolder } from "../../support/temp_folder.ts";

/** A new state folder, and a place for a backup beside it. */
async function newState(folder: TempFolder) {
  const dir = folder.at("m");
  await managerServices.init({
    dir,
    listen: "127.0.0.1:0",
    advertise: "127.0.0.1:7051",
  });
  return { dir, to: folder.at("b") };
}

function options(
  to: string,
  given: Partial<BackUpOptions> = {},
): BackUpOptions {
  return { to, withKeys: true, copyDatabase, lackOf, ...given };
}

async function namesIn(dir: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(dir));
  return entries.map(({ name }) => name).toSorted();
}

async function refusal(work: Promise<unknown>): Promise<[string, string]> {
  const error = await assertRejects(() => work, PiriError);
  return [error.code, error.message];
}

Deno.test("a backup has all of a state folder but what belongs to a run", async () => {
  await using folder = await TempFolder.make();
  const { dir, to } = await newState(folder);
  const before = await namesIn(dir);
  await Deno.mkdir(join(dir, "blobs", "uploads"), { recursive: true });
  await Deno.mkdir(join(dir, "control.proof"));
  for (
    const name of [
      "blobs/uploads/half",
      "control.lock",
      "manager.db-lock",
      "manager.db-of-0.3.0",
      "manager.db-of-0.3.0-wal",
      "running.json",
      "update.json",
      "config.yaml.0011.tmp",
      "init-unfinished",
    ]
  ) await Deno.writeTextFile(join(dir, name), "of a run");

  const { files, bytes, leftOut } = await backUp(dir, options(to));

  assertEquals(
    await namesIn(to),
    [...new Set([...before, "blobs"])]
      .filter((name) => !/^manager\.db-|^control\./.test(name)).toSorted(),
  );
  assertEquals(await namesIn(join(to, "blobs")), []);
  assertEquals(leftOut, []);
  assertEquals([files > 5, bytes > 10_000], [true, true]);
});

Deno.test(
  "a backup keeps modes, times, links and folders, and only its owner can enter it",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using folder = await TempFolder.make();
    const { dir, to } = await newState(folder);
    const tool = join(dir, "files", "all", "tool");
    await Deno.mkdir(join(dir, "files", "all"), { recursive: true });
    await Deno.writeTextFile(tool, "#!/bin/sh\n");
    await Deno.chmod(tool, 0o755);
    await Deno.utime(tool, 1_000, 1_000);
    await Deno.symlink("tool", join(dir, "files", "all", "link"));
    await Deno.symlink("/nowhere", join(dir, "files", "all", "broken"));

    await backUp(dir, options(to));

    const copy = await Deno.stat(join(to, "files", "all", "tool"));
    assertEquals([(copy.mode ?? 0) & 0o7777, copy.mtime?.getTime()], [
      0o755,
      1_000_000,
    ]);
    assertEquals(await Deno.readLink(join(to, "files", "all", "link")), "tool");
    assertEquals(
      await Deno.readLink(join(to, "files", "all", "broken")),
      "/nowhere",
    );
    const modes = [to, join(to, "ca.key"), join(to, "manager.db")]
      .map((path) => (Deno.statSync(path).mode ?? 0) & 0o7777);
    assertEquals(modes, [0o700, 0o600, 0o600]);
  },
);

Deno.test("a backup has what came, and the newest of what changed, while its database was copied", async () => {
  await using folder = await TempFolder.make();
  const { dir, to } = await newState(folder);
  const early = join(dir, "data", "early.yaml");
  await Deno.writeTextFile(early, "a: 1\n");
  await Deno.writeTextFile(join(dir, "data", "gone.yaml"), "a: 1\n");

  await backUp(
    dir,
    options(to, {
      copyDatabase: async (from, copy) => {
        await copyDatabase(from, copy);
        await Deno.writeTextFile(early, "a: 2\n");
        await Deno.writeTextFile(join(dir, "data", "late.yaml"), "b: 1\n");
        await Deno.remove(join(dir, "data", "gone.yaml"));
      },
    }),
  );

  assertEquals(
    await Promise.all(
      ["early", "late", "gone"].map((name) =>
        Deno.readTextFile(join(to, "data", `${name}.yaml`))
      ),
    ),
    ["a: 2\n", "b: 1\n", "a: 1\n"],
  );
});

Deno.test("a database is copied as it is at one moment, also what is only in its log yet", async () => {
  await using folder = await TempFolder.make();
  const [from, to] = [folder.at("a.db"), folder.at("b.db")];
  using db = new Database(from);
  db.get("PRAGMA journal_mode = WAL");
  db.script(
    "PRAGMA user_version = 7; CREATE TABLE t (x); INSERT INTO t VALUES (1)",
  );
  db.script("BEGIN; INSERT INTO t VALUES (2)");

  await copyDatabase(from, to);
  db.script("COMMIT");

  using copy = new Database(to);
  assertEquals(copy.all("SELECT x FROM t"), [{ x: 1n }]);
  assertEquals(copy.get("PRAGMA user_version"), { user_version: 7n });
  assertEquals(db.all("SELECT x FROM t"), [{ x: 1n }, { x: 2n }]);
});

Deno.test("a backup without keys has none, names them, and is no state folder before they are back", async () => {
  await using folder = await TempFolder.make();
  const { dir, to } = await newState(folder);
  const keys = ["ca.key", "manager.key", "server.key", "secrets.key"];

  const { leftOut } = await backUp(dir, options(to, { withKeys: false }));

  assertEquals(leftOut, keys);
  assertEquals(
    (await namesIn(to)).filter((name) => name.endsWith(".key")),
    [],
  );
  const load = () => managerServices.exportIdentity(to, { withFacts: false });
  assertEquals(await refusal(load()), [
    "FAILED_PRECONDITION",
    `Cannot use "${to}": it is a backup without manager.key, server.key, secrets.key; put them into it from where you keep them`,
  ]);
  await Deno.copyFile(join(dir, "server.key"), join(to, "server.key"));
  assertEquals(
    (await refusal(load()))[1].includes("manager.key, secrets.key"),
    true,
  );
  for (const key of keys) await Deno.copyFile(join(dir, key), join(to, key));
  await load();

  // A backup of the one that was put back is whole.
  const again = await backUp(to, options(folder.at("c")));
  assertEquals(again.leftOut, []);
  assertEquals(
    (await namesIn(again.dir)).filter((name) => name.startsWith("keys-")),
    [],
  );
});

Deno.test("a backup is refused where there is something, or where it would contain itself", async () => {
  await using folder = await TempFolder.make();
  const { dir } = await newState(folder);
  await Deno.writeTextFile(folder.at("file"), "");
  await Deno.mkdir(folder.at("half.unfinished"));

  assertEquals(
    await Promise.all([
      refusal(backUp(dir, options(folder.at("file")))),
      refusal(backUp(dir, options(dir))),
      refusal(backUp(dir, options(join(dir, "backup")))),
      refusal(backUp(dir, options(folder.at("half")))),
      refusal(backUp(dir, options(join(folder.at("no"), "where")))),
      refusal(backUp(folder.at("no"), options(folder.at("new")))),
    ]),
    [
      [
        "INVALID_ARGUMENT",
        `Cannot back up to "${folder.at("file")}": it is there already`,
      ],
      [
        "INVALID_ARGUMENT",
        `Cannot back up to "${dir}": it is inside the state folder`,
      ],
      [
        "INVALID_ARGUMENT",
        `Cannot back up to "${
          join(dir, "backup")
        }": it is inside the state folder`,
      ],
      [
        "INVALID_ARGUMENT",
        `Cannot back up to "${folder.at("half")}": "${
          folder.at("half.unfinished")
        }" is there, of a backup that did not finish; remove it`,
      ],
      [
        "INVALID_ARGUMENT",
        `Cannot back up to "${
          join(folder.at("no"), "where")
        }": there is no folder "${folder.at("no")}"`,
      ],
      [
        "FAILED_PRECONDITION",
        `Cannot back up "${
          folder.at("no")
        }": it is no state folder of a Manager`,
      ],
    ],
  );
});

Deno.test("a backup that fails leaves nothing", async () => {
  await using folder = await TempFolder.make();
  const { dir, to } = await newState(folder);
  const full = () => Promise.reject(new Error("no space is left"));

  assertEquals(
    await refusal(backUp(dir, options(to, { copyDatabase: full }))),
    [
      "DISK",
      `Cannot back up "${dir}" to "${to}": no space is left`,
    ],
  );
  assertEquals(await namesIn(folder.path), ["m"]);
});

/** Store on the database of a state folder, with all output in segments. */
function openOutput(dir: string) {
  return openStore(join(dir, "manager.db"), {
    clock: systemClock,
    random: systemRandom,
    largeBytes: 1,
  });
}

/** A command that has ended, with this output. */
async function printed(store: Store, text: string): Promise<bigint> {
  const id = await create(store);
  await store.appendOutput(id, {
    stream: "stdout",
    offset: 0n,
    bytes: new TextEncoder().encode(text),
    cut: 0n,
    keep: true,
  });
  await store.patchCommand({ id, state: "succeeded", finishedAt: 1 });
  return id;
}

async function outputIn(dir: string, id: bigint): Promise<string> {
  await using store = await openOutput(dir);
  const range = { stream: "stdout", offset: 0n, limit: 1e6 } as const;
  const pieces = await store.readOutput(id, range);
  return pieces.map(({ bytes }) => new TextDecoder().decode(bytes)).join("");
}

Deno.test("a backup has the output that its database names, also if that came and went meanwhile", async () => {
  await using folder = await TempFolder.make();
  const { dir, to } = await newState(folder);
  await using store = await openOutput(dir);
  const early = await printed(store, "early");
  let copies = 0;

  const { lack } = await backUp(
    dir,
    options(to, {
      copyDatabase: async (from, copy) => {
        copies++;
        // The first copy names output that is deleted, with its file, before its file is copied.
        if (copies > 1) return await copyDatabase(from, copy);
        await store.prune({ before: 2, outputBytes: 1n << 60n });
        await printed(store, "late");
        await copyDatabase(from, copy);
        await store.prune({ before: 2, outputBytes: 1n << 60n });
        await printed(store, "later");
      },
    }),
  );

  assertEquals([copies, lack], [2, undefined]);
  assertEquals(await outputIn(to, early + 2n), "later");
});

Deno.test("a backup has output that came while its database was copied, in a file that was copied before", async () => {
  await using folder = await TempFolder.make();
  const { dir, to } = await newState(folder);
  await using store = await openOutput(dir);
  await printed(store, "early");
  let late = 0n;

  const { lack } = await backUp(
    dir,
    options(to, {
      copyDatabase: async (from, copy) => {
        const path = join(dir, "manager.db-output", "1");
        const { atime, mtime } = await Deno.stat(path);
        late = await printed(store, "late");
        // As if it had changed within the time that a change is noted by.
        if (atime && mtime) await Deno.utime(path, atime, mtime);
        await copyDatabase(from, copy);
      },
    }),
  );

  assertEquals(lack, undefined);
  assertEquals(await outputIn(to, late), "late");
});

Deno.test("a backup of a state folder that has lost output is made, and tells what is lost", async () => {
  await using folder = await TempFolder.make();
  const { dir, to } = await newState(folder);
  let id: bigint;
  {
    await using store = await openOutput(dir);
    await printed(store, "lost");
    await Deno.remove(join(dir, "manager.db-output", "1"));
  }
  {
    await using store = await openOutput(dir);
    id = await printed(store, "there");
  }

  const { lack } = await backUp(dir, options(to));

  assertEquals(lack, "manager.db-output/1 has 0 of 4 bytes");
  assertEquals(await outputIn(to, id), "there");
});
