import { assertEquals } from "@std/assert";
import { thisUser, userName } from "../../lib/base/user_name.ts";

const PASSWD = "root:x:0:0::/root:/bin/sh\nbob:x:1001:0::/:/bin/sh\n1002:x:7:";

function named(uid: number, own = { uid: 1_000, name: () => "anna" }): string {
  return userName(uid, { passwd: PASSWD, own });
}

Deno.test("a user has the name of /etc/passwd, the own user that of the system, and others a number", () => {
  assertEquals([0, 1_001, 1_000, 1_002, 5].map((uid) => named(uid)), [
    "root",
    "bob",
    "anna",
    // A user with a number for a name is not the user with that number.
    "uid 1002",
    "uid 5",
  ]);
});

Deno.test("an own user without a name is a number", () => {
  const own = {
    uid: 1_000,
    name: () => {
      throw new Error("no such user");
    },
  };

  assertEquals(named(1_000, own), "uid 1000");
});

Deno.test("the own user is the one who runs this program", () => {
  assertEquals(
    [typeof thisUser.name(), thisUser.uid],
    ["string", Deno.uid()],
  );
});
