import { assertEquals } from "@std/assert";
import { codeOf, messageOf } from "../../lib/base/errors.ts";
import {
  requireFileOwner,
  requireFolderRights,
} from "../../lib/base/posix_rights.ts";

const ROOT = 0;
const ANNA = 1000;
const BERT = 1001;

/** Words that a refusal says after the path; empty if it was none. */
function refusalOf(task: () => void): string {
  try {
    task();
    return "";
  } catch (error) {
    assertEquals(codeOf(error), "DENIED");
    return messageOf(error).replace('Cannot use "/state": ', "");
  }
}

for (
  const [what, uid, mode, own] of [
    ["of this user", ANNA, 0o700, ANNA],
    ["of root", ROOT, 0o700, ANNA],
    ["of root's own", ROOT, 0o700, ROOT],
    ["that its group may read", ANNA, 0o750, ANNA],
    ["that everybody may read", ANNA, 0o755, ANNA],
    ["of a system without users", null, null, ROOT],
  ] as const
) {
  Deno.test(`a folder is private enough: one ${what}`, () => {
    requireFolderRights("/state", { uid, mode }, own);
  });
}

const LOOK = "look at what is in it, and run";

for (
  const [what, uid, mode, own, words] of [
    [
      "its group may write to",
      ANNA,
      0o770,
      ANNA,
      `its mode is 0770, so others may write to it; ${LOOK} chmod 700 /state`,
    ],
    [
      "others may write to",
      ANNA,
      0o702,
      ANNA,
      `its mode is 0702, so others may write to it; ${LOOK} chmod 700 /state`,
    ],
    [
      "is like the one for temporary files",
      ROOT,
      0o41777,
      ROOT,
      `its mode is 1777, so others may write to it; ${LOOK} chmod 700 /state`,
    ],
    [
      "others may write to, of root",
      ROOT,
      0o777,
      ANNA,
      `its mode is 0777, so others may write to it; ${LOOK} chown -R 1000 /state && chmod 700 /state`,
    ],
    [
      "belongs to another user",
      BERT,
      0o755,
      ANNA,
      "it belongs to uid 1001, who can change what is in it; run this as that user, or look at what is in it and run chown -R 1000 /state",
    ],
    [
      "belongs to another user than root, who runs this",
      BERT,
      0o700,
      ROOT,
      "it belongs to uid 1001, who can change what is in it; run this as that user, or look at what is in it and run chown -R 0 /state",
    ],
  ] as const
) {
  Deno.test(`a folder is refused with the line that mends it: one that ${what}`, () => {
    assertEquals(
      refusalOf(() => requireFolderRights("/state", { uid, mode }, own)),
      words,
    );
  });
}

Deno.test("root alone may be allowed to use a folder of any user, but none that others may write to", () => {
  const options = { anyOwnerForRoot: true };
  const words = (own: number, mode: number) =>
    refusalOf(() =>
      requireFolderRights("/state", { uid: BERT, mode }, own, options)
    ).split(",")[0];

  assertEquals([words(ROOT, 0o700), words(ANNA, 0o755), words(ROOT, 0o777)], [
    "",
    "it belongs to uid 1001",
    "its mode is 0777",
  ]);
});

for (
  const [what, uid, own, folderUid, words] of [
    ["this user's", ANNA, ANNA, ANNA, ""],
    ["root's", ROOT, ANNA, ANNA, ""],
    ["the folder's owner's, for root", ANNA, ROOT, ANNA, ""],
    ["another user's", BERT, ANNA, BERT, "chown 1000 /state"],
    ["another user's, for root", BERT, ROOT, ROOT, "chown 0 /state"],
    ["another's than the folder's", BERT, ROOT, ANNA, "chown 1000 /state"],
  ] as const
) {
  const verb = words === "" ? "taken" : "refused";
  Deno.test(`a file is ${verb}: ${what}`, () => {
    const refusal = refusalOf(() =>
      requireFileOwner("/state", { uid, mode: 0o600 }, own, folderUid)
    );
    assertEquals(
      refusal,
      words === ""
        ? ""
        : `it belongs to uid 1001, who can change it; look at what is in it, and run ${words}`,
    );
  });
}
