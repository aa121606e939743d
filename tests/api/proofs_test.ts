import { LOCAL_CALLER, valuesOf } from "../../lib/api/caller.ts";
import { assertEquals } from "@std/assert";
import { PROOF_HEADER } from "../../lib/api/proof_files.ts";
import { Proofs } from "../../lib/api/proofs.ts";
import { logger } from "../../lib/base/log.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** A request on the socket with these headers. */
function from(requestHeader: Headers) {
  return { requestHeader, values: valuesOf(LOCAL_CALLER) };
}

/** User and group of "nobody" on most systems. */
const NOBODY = 65_534;

const isUnix = Deno.build.os !== "windows";

/** Proofs of a folder where every user may make files. */
class Office implements AsyncDisposable {
  readonly clock = new FakeClock(Date.now());
  readonly proofs = new Proofs({
    random: systemRandom,
    clock: this.clock,
    userName: (uid) => Promise.resolve(USERS.get(uid) ?? `uid ${uid}`),
    log: logger("test"),
  });

  static async open(): Promise<Office> {
    const folder = await TempFolder.make();
    await Deno.mkdir(folder.at("proofs"));
    if (isUnix) {
      await Deno.chmod(folder.path, 0o755);
      await Deno.chmod(folder.at("proofs"), 0o1777);
    }
    return new Office(folder);
  }

  private constructor(readonly folder: TempFolder) {
    this.proofs.takeIn(folder.at("proofs"));
  }

  /** Path of the file with this name. */
  at(name: string): string {
    return this.folder.at("proofs", name);
  }

  /** Makes a file as a client does. */
  async prove(name: string): Promise<void> {
    await Deno.writeFile(this.at(name), new Uint8Array(), { mode: 0o600 });
  }

  /** Tells who asks with a proof of this name. */
  async asker(name: string, saidBy = ""): Promise<string> {
    const headers = new Headers({ [PROOF_HEADER]: name });
    return (await this.proofs.asker(from(headers), saidBy)).requestedBy;
  }

  /** Names of the files that are left. */
  left(): string[] {
    return [...Deno.readDirSync(this.folder.at("proofs"))]
      .map(({ name }) => name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.folder[Symbol.asyncDispose]();
  }
}

const USERS = new Map([[Deno.uid() ?? -1, "owner"], [NOBODY, "nobody"]]);

/** Registers a test that needs files with owners. */
function unixTest(name: string, test: (office: Office) => Promise<void>): void {
  Deno.test(name, { ignore: !isUnix }, async () => {
    await using office = await Office.open();
    await test(office);
  });
}

/** Registers a test that acts as two users, which only root may. */
function twoUsersTest(
  name: string,
  test: (office: Office) => Promise<void>,
): void {
  const ignore = Deno.build.os !== "linux" || Deno.uid() !== 0;
  Deno.test(name, { ignore }, async () => {
    await using office = await Office.open();
    await test(office);
  });
}

/** Runs a line of a shell as nobody, and returns its exit code. */
async function asNobody(line: string, ...words: string[]): Promise<number> {
  const { code } = await new Deno.Command("/bin/sh", {
    args: ["-c", `umask 077; ${line}`, "sh", ...words],
    uid: NOBODY,
    gid: NOBODY,
    clearEnv: true,
    stderr: "null",
  }).output();
  return code;
}

unixTest(
  "the owner of the file is the one who asks, and the file is removed",
  async (office) => {
    const name = await office.proofs.give("");
    await office.prove(name);

    assertEquals(await office.asker(name), "owner");
    assertEquals(office.left(), []);
  },
);

unixTest(
  "the name that a client gives itself is kept beside the evidence",
  async ({ proofs }) => {
    assertEquals(await proofs.asker(from(new Headers()), "anna"), {
      requestedBy: "local",
      saidBy: "anna",
    });
  },
);

unixTest(
  "a user behind sudo is named as such, unless it is the same one",
  async (office) => {
    const asked: string[] = [];
    for (const sudoUser of ["anna", "owner"]) {
      const name = await office.proofs.give(sudoUser);
      await office.prove(name);
      asked.push(await office.asker(name));
    }

    assertEquals(asked, ["owner (sudo: anna)", "owner"]);
  },
);

unixTest(
  "a user behind sudo cannot write the end of the bracket",
  async (office) => {
    const name = await office.proofs.give("x) and root (sudo: \n\x1b[31m");
    await office.prove(name);

    assertEquals(
      await office.asker(name),
      "owner (sudo: x? and root ?sudo? ???31m)",
    );
  },
);

twoUsersTest("a client of another user is that user", async (office) => {
  const name = await office.proofs.give("");
  assertEquals(await asNobody(': > "$1"', office.at(name)), 0);

  assertEquals(await office.asker(name), "nobody");
  assertEquals(office.left(), []);
});

twoUsersTest(
  "a link of nobody to a file of root proves nothing",
  async (office) => {
    const name = await office.proofs.give("");
    const target = await office.folder.write("roots", "");
    await Deno.chmod(target, 0o600);
    assertEquals(await asNobody('ln -s "$1" "$2"', target, office.at(name)), 0);

    assertEquals(await office.asker(name), "local");
    assertEquals(office.left(), []);
    assertEquals(await Deno.readTextFile(target), "");
  },
);

twoUsersTest(
  "a file of root that nobody moves to the right name is too old, and proves nothing",
  async (office) => {
    const open = office.folder.at("open");
    await Deno.mkdir(open);
    await Deno.chmod(open, 0o777);
    await office.folder.write("open/roots", "");
    await Deno.chmod(office.folder.at("open/roots"), 0o600);
    office.clock.jump(60_000);
    const name = await office.proofs.give("");
    assertEquals(
      await asNobody(
        'mv "$1" "$2"',
        office.folder.at("open/roots"),
        office.at(name),
      ),
      0,
    );

    assertEquals(await office.asker(name), "local");
  },
);

unixTest(
  "a hard link to the file of somebody else proves nothing",
  async (office) => {
    const name = await office.proofs.give("");
    const other = await office.folder.write("others", "");
    await Deno.chmod(other, 0o600);
    await Deno.link(other, office.at(name));

    assertEquals(await office.asker(name), "local");
    assertEquals(office.left(), []);
  },
);

unixTest(
  "a symbolic link proves nothing, even to a good file",
  async (office) => {
    const good = await office.proofs.give("");
    const name = await office.proofs.give("");
    await office.prove(good);
    await Deno.symlink(office.at(good), office.at(name));

    assertEquals(await office.asker(name), "local");
    assertEquals(await office.asker(good), "owner");
  },
);

for (
  const [kind, make] of [
    ["a folder", (path: string) => Deno.mkdir(path, { mode: 0o600 })],
    [
      "a file with content",
      (path: string) => Deno.writeTextFile(path, "x", { mode: 0o600 }),
    ],
    [
      "a file that others may read",
      async (path: string) => {
        await Deno.writeTextFile(path, "", { mode: 0o600 });
        await Deno.chmod(path, 0o644);
      },
    ],
    ["nothing", () => Promise.resolve()],
  ] as const
) {
  unixTest(
    `${kind} in the place of the file proves nothing`,
    async (office) => {
      const name = await office.proofs.give("");
      await make(office.at(name));

      assertEquals(await office.asker(name), "local");
    },
  );
}

unixTest(
  "a file with a name that was not given proves nothing, and is not touched",
  async (office) => {
    const invented = "0".repeat(32);
    await office.prove(invented);
    const outside = await office.folder.write("outside", "");

    assertEquals(
      await Promise.all(
        [invented, "../outside", outside, "", "."].map((name) =>
          office.asker(name)
        ),
      ),
      Array(5).fill("local"),
    );
    assertEquals(office.left(), [invented]);
    assertEquals(await Deno.readTextFile(outside), "");
  },
);

unixTest(
  "a name is good once: who repeats it proves nothing",
  async (office) => {
    const name = await office.proofs.give("");
    await office.prove(name);
    const both = await Promise.all([office.asker(name), office.asker(name)]);
    await office.prove(name);

    assertEquals(both, ["owner", "local"]);
    assertEquals(await office.asker(name), "local");
  },
);

unixTest("a name is good for half a minute", async (office) => {
  const early = await office.proofs.give("");
  const late = await office.proofs.give("");
  for (const name of [early, late]) await office.prove(name);
  await office.clock.advance(30_000);
  const first = await office.asker(early);
  await office.clock.advance(1);

  assertEquals([first, await office.asker(late)], ["owner", "local"]);
});

unixTest(
  "a stale file is removed when the next name is given",
  async (office) => {
    await office.prove(await office.proofs.give(""));
    await office.clock.advance(30_001);
    await office.proofs.give("");

    assertEquals(office.left(), []);
  },
);

unixTest("the oldest of very many names are forgotten", async (office) => {
  const first = await office.proofs.give("");
  const second = await office.proofs.give("");
  for (let count = 0; count < 999; count++) await office.proofs.give("");
  await office.prove(first);
  await office.prove(second);

  assertEquals(
    [await office.asker(first), await office.asker(second)],
    ["local", "owner"],
  );
});

unixTest(
  "a user with the name that stands for nobody is shown by number",
  async (office) => {
    const proofs = new Proofs({
      random: systemRandom,
      clock: office.clock,
      userName: () => Promise.resolve("local"),
      log: logger("test"),
    });
    proofs.takeIn(office.folder.at("proofs"));
    const name = await proofs.give("");
    await office.prove(name);

    const { requestedBy } = await proofs.asker(
      from(new Headers({ [PROOF_HEADER]: name })),
      "",
    );

    assertEquals(requestedBy, `uid ${Deno.uid()}`);
  },
);

Deno.test("proofs without a folder, as over TCP, give no name, and everybody is local", async () => {
  await using office = await Office.open();
  const proofs = new Proofs({
    random: systemRandom,
    clock: office.clock,
    userName: () => Promise.resolve("owner"),
    log: logger("test"),
  });
  const name = await proofs.give("anna");

  assertEquals(name, "");
  const headers = new Headers({ [PROOF_HEADER]: "0".repeat(32) });
  assertEquals((await proofs.asker(from(headers), "")).requestedBy, "local");
});
