import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { readLogin, writeLogin } from "../../lib/base/login_file.ts";
import { ownerTest, STRANGER } from "../support/other_owner.ts";
import { TempFolder } from "../support/temp_folder.ts";

const login = {
  address: "manager.example:7052",
  ca: "pem",
  operator: "alice",
  token: "secret",
  expiresAt: 1,
};

Deno.test({
  name:
    "a login in a folder that others may write to is refused with the line that mends it",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TempFolder.make();
    await writeLogin(folder.path, login);
    for (const mode of [0o770, 0o707]) {
      await Deno.chmod(folder.path, mode);
      const error = await assertRejects(
        () => readLogin(folder.path),
        PiriError,
        `run chmod 700 ${folder.path}`,
      );
      assertEquals(error.code, "DENIED");
    }
    await Deno.chmod(folder.path, 0o755);
    assertEquals(await readLogin(folder.path), login);
  },
});

ownerTest(
  "root reads the login of a user, but not one that another has put there",
  async () => {
    await using folder = await TempFolder.make();
    await writeLogin(folder.path, login);
    const path = folder.at("login.json");
    await Deno.chown(folder.path, STRANGER, STRANGER);
    await Deno.chown(path, STRANGER, STRANGER);
    assertEquals(await readLogin(folder.path), login);
    await Deno.chown(path, STRANGER - 1, STRANGER - 1);
    await assertRejects(
      () => readLogin(folder.path),
      PiriError,
      `run chown ${STRANGER} ${path}`,
    );
  },
);
