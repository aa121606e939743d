import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { PiriError } from "../../lib/base/errors.ts";
import { requirePrivate } from "../../lib/base/files.ts";
import {
  makeOnWindows,
  makePrivateFolder,
  requirePrivateFolder,
} from "../../lib/base/private_folder.ts";
import {
  type AccessEntry,
  decodeSecurityDescriptor,
  FULL_CONTROL,
  type SecurityDescriptor,
} from "../../lib/base/security_descriptor.ts";
import {
  MANAGER_SERVICE_SID,
  WindowsRights,
} from "../../lib/base/windows_rights.ts";
import {
  type WindowsSecurity,
  windowsSecurity,
} from "../../lib/base/windows_security.ts";
import { ownerTest, STRANGER } from "../support/other_owner.ts";
import { TempFolder } from "../support/temp_folder.ts";

const SYSTEM = "S-1-5-18";
const ADMINISTRATORS = "S-1-5-32-544";
const ANNA = "S-1-5-21-1-2-3-1001";
const BERT = "S-1-5-21-1-2-3-1002";
const USERS = "S-1-5-32-545";

const allow = (sid: string, more: Partial<AccessEntry> = {}): AccessEntry => ({
  kind: "allow",
  sid,
  mask: FULL_CONTROL,
  inherited: false,
  ...more,
});

/** Rights of a folder that another program made in %ProgramData%. */
const COMMON: SecurityDescriptor = {
  owner: ANNA,
  entries: [
    allow(SYSTEM, { inherited: true }),
    allow(ADMINISTRATORS, { inherited: true }),
    allow("S-1-3-0", { inherited: true }),
    allow(USERS, { inherited: true, mask: 0x1200a9 }),
  ],
};

/** Windows of a user, which keeps the rights of files in memory and the folders on the disk. */
class FakeWindows implements WindowsSecurity {
  readonly calls: string[] = [];
  readonly rights = new Map<string, SecurityDescriptor>();
  /** Rights of a folder that Deno makes. */
  byDefault: SecurityDescriptor = COMMON;

  constructor(readonly sid: string) {}

  ownSid(): string {
    return this.sid;
  }

  read(path: string): SecurityDescriptor | undefined {
    return this.rights.get(path) ?? this.byDefault;
  }

  makeFolder(path: string, descriptor: Uint8Array): boolean {
    this.calls.push("makeFolder");
    try {
      Deno.mkdirSync(path);
    } catch {
      return false;
    }
    this.#set(path, descriptor);
    return true;
  }

  protect(path: string, descriptor: Uint8Array): boolean {
    this.calls.push("protect");
    this.#set(path, descriptor);
    return true;
  }

  #set(path: string, bytes: Uint8Array): void {
    const { owner = this.sid, entries } = decodeSecurityDescriptor(bytes);
    this.rights.set(path, { owner, entries });
  }
}

const rightsOf = (security: WindowsSecurity, privileged = false) =>
  new WindowsRights({ security, privileged });

Deno.test("a folder on Windows is made with rights of the system, its administrators and the user", async () => {
  await using temp = await TempFolder.make();
  const windows = new FakeWindows(ANNA);
  const path = temp.at("a", "state");
  await makeOnWindows(path, rightsOf(windows));
  assertEquals(windows.calls, ["makeFolder"]);
  assertEquals(windows.rights.get(path), {
    owner: ANNA,
    entries: [allow(SYSTEM), allow(ADMINISTRATORS), allow(ANNA)],
  });
});

Deno.test("the folder of an elevated user or a service on Windows is the administrators'", async () => {
  for (const sid of [ANNA, SYSTEM]) {
    await using temp = await TempFolder.make();
    const windows = new FakeWindows(sid);
    const path = temp.at("state");
    await makeOnWindows(path, rightsOf(windows, true));
    assertEquals(windows.rights.get(path), {
      owner: ADMINISTRATORS,
      entries: [allow(SYSTEM), allow(ADMINISTRATORS)],
    });
  }
});

Deno.test("an empty folder of the user on Windows is protected, and a second time nothing is done", async () => {
  await using temp = await TempFolder.make();
  const windows = new FakeWindows(ANNA);
  await makeOnWindows(temp.path, rightsOf(windows));
  await temp.write("agent.yaml", "");
  await makeOnWindows(temp.path, rightsOf(windows));
  assertEquals(windows.calls, ["makeFolder", "protect", "makeFolder"]);
});

Deno.test("a folder of somebody else on Windows is not used, empty or not", async () => {
  await using temp = await TempFolder.make();
  const windows = new FakeWindows(BERT);
  const refusal =
    `Cannot use "${temp.path}": its owner ${ANNA} can let others read it; remove it, or if you know the owner, run icacls "${temp.path}" /setowner`;
  const make = (privileged: boolean) => () =>
    makeOnWindows(temp.path, rightsOf(windows, privileged));
  await assertRejects(make(false), PiriError, `${refusal} "*${BERT}" /T`);
  await temp.write("joining.yaml", "");
  await assertRejects(
    make(true),
    PiriError,
    `${refusal} "*${ADMINISTRATORS}" /T`,
  );
  assertEquals(windows.calls, ["makeFolder", "makeFolder"]);
});

Deno.test("a folder in use on Windows that others have rights to is refused, with the line that mends it", async () => {
  await using temp = await TempFolder.make();
  await temp.write("agent.yaml", "");
  const windows = new FakeWindows(ANNA);
  const error = await assertRejects(
    () => makeOnWindows(temp.path, rightsOf(windows)),
    PiriError,
  );
  assertEquals(
    `${error.code} ${error.message}`,
    `DENIED Cannot use "${temp.path}": others have rights to it (Users ${USERS}); run icacls "${temp.path}" /inheritance:r /grant:r "*${SYSTEM}:(OI)(CI)F" "*${ADMINISTRATORS}:(OI)(CI)F" "*${ANNA}:(OI)(CI)F"`,
  );
});

const judged: [
  what: string,
  entries: AccessEntry[] | undefined,
  line: string,
][] = [
  ["everybody, because it has no list", undefined, '/remove:g "*S-1-1-0"'],
  ["Everyone S-1-1-0", [allow("S-1-1-0")], '/remove:g "*S-1-1-0"'],
  [BERT, [allow(BERT), allow(BERT)], `/remove:g "*${BERT}"`],
  [
    `Users ${USERS}`,
    [allow(USERS, { mask: 2, inherited: true })],
    `"*${ADMINISTRATORS}:(OI)(CI)F"`,
  ],
  [
    "that is not known",
    [allow("", { kind: "unknown" })],
    `"*${ADMINISTRATORS}:(OI)(CI)F"`,
  ],
];

for (const [what, entries, line] of judged) {
  Deno.test(`rights of others on Windows are found: ${what}`, () => {
    const windows = new FakeWindows(ANNA);
    windows.byDefault = { owner: ADMINISTRATORS, entries };
    const error = assertThrows(
      () => rightsOf(windows, true).requireFolder("C:\\state"),
      PiriError,
    );
    assertEquals(error.code, "DENIED");
    assertEquals(error.message.endsWith(line), true, error.message);
  });
}

/** SID of the user of a service: the SHA-1 of its name in capitals, in five numbers. */
function serviceSid(name: string): string {
  const bytes = new Uint8Array(
    Uint16Array.from(name.toUpperCase(), (unit) => unit.charCodeAt(0)).buffer,
  );
  const hash = createHash("sha1").update(bytes).digest();
  const numbers = [0, 4, 8, 12, 16].map((at) => hash.readUInt32LE(at));
  return `S-1-5-80-${numbers.join("-")}`;
}

Deno.test("the SID of the Manager's service is what Windows makes of its name", () => {
  // One that every Windows has.
  assertEquals(
    serviceSid("TrustedInstaller"),
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
  );
  assertEquals(MANAGER_SERVICE_SID, serviceSid("piri-manager"));
});

Deno.test("the user of the Manager's service may own a folder on Windows, and another service may not", () => {
  const windows = new FakeWindows(ANNA);
  windows.byDefault = {
    owner: MANAGER_SERVICE_SID,
    entries: [allow(MANAGER_SERVICE_SID), allow(ADMINISTRATORS)],
  };
  rightsOf(windows, true).requireFolder("C:\\state");
  windows.byDefault = {
    owner: ADMINISTRATORS,
    entries: [allow(serviceSid("spooler"))],
  };
  assertThrows(
    () => rightsOf(windows, true).requireFolder("C:\\state"),
    PiriError,
    "others have rights to it (S-1-5-80-",
  );
});

Deno.test("rights of nobody else on Windows are no reason to refuse a folder", () => {
  const windows = new FakeWindows(ANNA);
  windows.byDefault = {
    owner: SYSTEM,
    entries: [
      allow(SYSTEM, { inherited: true }),
      allow(ANNA),
      allow("S-1-3-4"),
      allow(BERT, { kind: "deny" }),
      allow(USERS, { mask: 0 }),
    ],
  };
  rightsOf(windows).requireFolder("C:\\state");
  rightsOf(windows).requireFile("C:\\state\\agent.yaml");
});

Deno.test("a secret file with rights of its own on Windows is refused", () => {
  const windows = new FakeWindows(ANNA);
  windows.byDefault = { owner: ANNA, entries: [allow("S-1-5-11")] };
  const path = "C:\\state\\agent.yaml";
  assertThrows(
    () => rightsOf(windows).requireFile(path),
    PiriError,
    `Cannot use "${path}": others have rights to it (Authenticated Users S-1-5-11); run icacls "${path}" /reset`,
  );
});

Deno.test("rights on Windows that cannot be read or set are an error", () => {
  const windows = new FakeWindows(ANNA);
  windows.protect = () => false;
  assertThrows(
    () => rightsOf(windows).protect("C:\\state"),
    PiriError,
    'Cannot use "C:\\state": this user may not change who has rights to it; run icacls "C:\\state" /inheritance:r /grant:r',
  );
  windows.read = () => undefined;
  assertThrows(
    () => rightsOf(windows).requireFolder("C:\\state"),
    PiriError,
    'Cannot use "C:\\state": this user may not see who has rights to it',
  );
});

Deno.test({
  name:
    "a private folder and its contents give nobody else rights on this Windows",
  ignore: Deno.build.os !== "windows",
  fn: async () => {
    await using temp = await TempFolder.make();
    const path = temp.at("state");
    await makePrivateFolder(path);
    await temp.write("state/agent.yaml", "secret");
    requirePrivateFolder(path);
    await requirePrivate(temp.at("state", "agent.yaml"));
    const { entries = [] } = windowsSecurity.read(path) ?? {};
    assertEquals(entries.map(({ sid }) => sid).slice(0, 2), [
      SYSTEM,
      ADMINISTRATORS,
    ]);
    assertEquals(entries.some(({ inherited }) => inherited), false);
  },
});

Deno.test("a private folder is made with the folders above it, on this system", async () => {
  await using temp = await TempFolder.make();
  const path = temp.at("a", "b");
  await makePrivateFolder(path);
  await makePrivateFolder(path);
  assertEquals((await Deno.stat(path)).isDirectory, true);
});

Deno.test({
  name: "a private folder that is made has mode 0700",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using temp = await TempFolder.make();
    await makePrivateFolder(temp.at("a"));
    assertEquals(((await Deno.stat(temp.at("a"))).mode ?? 0) & 0o777, 0o700);
  },
});

Deno.test({
  name:
    "a folder that group or others may write to is refused, one that they may read is not",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using temp = await TempFolder.make();
    for (const mode of [0o700, 0o750, 0o755]) {
      await Deno.chmod(temp.path, mode);
      requirePrivateFolder(temp.path);
    }
    for (const mode of [0o720, 0o702, 0o777]) {
      await Deno.chmod(temp.path, mode);
      const error = assertThrows(
        () => requirePrivateFolder(temp.path),
        PiriError,
        `run chmod 700 ${temp.path}`,
      );
      assertEquals(error.code, "DENIED");
    }
  },
});

Deno.test({
  name:
    "an empty folder that others may write to becomes private, and one in use stays",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using temp = await TempFolder.make();
    const modes: number[] = [];
    await temp.write("used/a", "");
    for (
      const [name, mode] of [["new", 0o777], ["read", 0o755], ["used", 0o777]]
    ) {
      const path = temp.at(`${name}`);
      await Deno.mkdir(path, { recursive: true });
      await Deno.chmod(path, Number(mode));
      await makePrivateFolder(path);
      modes.push(((await Deno.stat(path)).mode ?? 0) & 0o777);
    }
    assertEquals(modes, [0o700, 0o755, 0o777]);
  },
});

ownerTest(
  "a folder of another user is refused, unless root may use any",
  async () => {
    await using temp = await TempFolder.make();
    await Deno.chown(temp.path, STRANGER, STRANGER);
    assertThrows(
      () => requirePrivateFolder(temp.path),
      PiriError,
      `Cannot use "${temp.path}": it belongs to uid ${STRANGER}`,
    );
    requirePrivateFolder(temp.path, { anyOwnerForRoot: true });
  },
);
