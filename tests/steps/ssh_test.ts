import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PiriError } from "../../lib/base/errors.ts";
import { withKeys } from "../../lib/steps/providers/ssh/authorized_keys.ts";
import {
  knownHostName,
  withHostKeys,
} from "../../lib/steps/providers/ssh/known_hosts.ts";
import {
  isSameKey,
  readKeyLine,
  wantedKeys,
} from "../../lib/steps/providers/ssh/public_key.ts";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { TempFolder } from "../support/temp_folder.ts";
import type { FakeNode } from "./fake_host.ts";
import { hostWith } from "./host_with.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";
import { lines, type Step } from "./service_runs.ts";

const ED = "ssh-ed25519";
const ANNA =
  `${ED} AAAAC3NzaC1lZDI1NTE5AAAAIOdU9JsIJECE2dV2orRC39h4iY6yPxYCwemWYhSHs0JD`;
const BOB =
  `${ED} AAAAC3NzaC1lZDI1NTE5AAAAIF6IkXiCHInNfuCTTXnX6PiUOkdF8eGBnRkAShgEMMdQ`;
const ECDSA =
  "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBLzkOtAvy3IOx9ZrB4X2HzCg7EEln32htzAMTcK5uUkDHuD++kXsMAUB+w9MYQRmwPcncNIBdV7pCMo6D6zeQxw=";
const HASHED_DB =
  `|1|jcF0tlCn4JAAEzFOqFi7rbgdSKA=|GFtMj0SYUOQI9I9GeHjdr0D5n6g= ${ANNA}`;
const HASHED_PORT =
  `|1|QZuiGFHMpVg9zXPOXaufMAzTsS0=|Un8cO6W4Z3FDmrXzbRtxnr26jwU= ${BOB}`;
const SSH = "/home/anna/.ssh";
const FILE = `${SSH}/authorized_keys`;

/** Host with a user and what is in her home. */
function annasHost(nodes: Readonly<Record<string, Partial<FakeNode>>> = {}) {
  const host = hostWith({
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:\n",
    "/etc/group": "anna:x:1000:\n",
    "/home/anna/.profile": "",
  });
  const standard = { kind: "file", mode: 0o600, uid: 1000, gid: 1000 } as const;
  for (const [path, node] of Object.entries(nodes)) {
    host.tree.set(path, { ...standard, ...node });
  }
  return host;
}

const FOLDER: Partial<FakeNode> = { kind: "folder", mode: 0o700 };

function keysStep(params: SheetStep["params"]): Step {
  return {
    operation: "ssh.AuthorizedKeys",
    params: { user: "anna", ...params },
  };
}

Deno.test("keys of a user are written with the folder, its owner and modes", async () => {
  const host = annasHost();
  const sheet = sheetOf(keysStep({ keys: [`${ANNA} anna@x`, BOB] }));

  const planned = await planOn(host, sheet);
  const applied = await applyOn(host, sheet);
  const again = await planOn(host, sheet);

  assertEquals(host.tree.get(SSH), {
    kind: "folder",
    mode: 0o700,
    uid: 1000,
    gid: 1000,
  });
  assertEquals(host.tree.get(FILE), {
    kind: "file",
    mode: 0o600,
    uid: 1000,
    gid: 1000,
    text: `${ANNA} anna@x\n${BOB}\n`,
  });
  assertEquals(lines(planned), lines(applied));
  assertEquals(lines(again), [["ok"]]);
});

Deno.test("owners and modes that sshd would refuse are set right", async () => {
  const host = annasHost({
    [SSH]: { ...FOLDER, mode: 0o777, uid: 0 },
    [FILE]: { text: `${ANNA}\n`, mode: 0o666 },
  });

  const applied = await applyOn(host, sheetOf(keysStep({ keys: [ANNA] })));

  assertEquals(lines(applied), [[
    "change",
    `owner of ${SSH} 0 anna`,
    `mode of ${SSH} 0777 0700`,
    "mode 0666 0600",
  ]]);
  assertEquals(host.tree.get(SSH)?.uid, 1000);
  assertEquals(host.tree.get(FILE)?.mode, 0o600);
});

Deno.test("keys of a user that an earlier step makes are planned", async () => {
  const host = hostWith({
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    "/etc/group": "root:x:0:\n",
    "/usr/sbin/useradd": "",
    "/home/x/y": "",
  });

  const { steps } = await planOn(
    host,
    sheetOf(
      {
        operation: "user.Present",
        params: { name: "carl", create_home: true },
      },
      keysStep({ user: "carl", keys: [ANNA] }),
    ),
  );

  assertEquals(
    steps.map(({ verdict, error }) => error?.message ?? verdict),
    ["change", "change"],
  );
});

for (
  const [what, nodes] of [
    ["the folder", {
      [SSH]: { kind: "link", target: "/etc" },
      "/etc/authorized_keys": { text: "" },
    }],
    ["the file", {
      [SSH]: FOLDER,
      [FILE]: { kind: "link", target: "/etc/shadow" },
      "/etc/shadow": { text: "secret\n" },
    }],
  ] as const
) {
  Deno.test(`keys of a user are not written through a link in place of ${what}`, async () => {
    const host = annasHost(nodes);
    const before = new Map(host.tree);

    const { steps } = await applyOn(host, sheetOf(keysStep({ keys: [ANNA] })));

    assertEquals(steps[0]?.error?.code, "FAILED_PRECONDITION");
    assert(steps[0]?.error?.message.includes("it is a link"));
    assertEquals(host.tree, before);
  });
}

const OWN = `from="10.0.0.0/8,x y",no-pty ${ANNA} old comment`;

for (
  const [what, before, params, after] of [
    ["keeps options and comment", [OWN], { keys: [ANNA] }, [OWN]],
    ["keeps comments and blank lines", ["# mine", ""], { keys: [ANNA] }, [
      "# mine",
      "",
      ANNA,
    ]],
    ["replaces options that are given", [OWN], {
      keys: [`restrict ${ANNA}`],
    }, [`restrict ${ANNA} old comment`]],
    ["gives options to keys without any", [], {
      keys: [ANNA, `no-pty ${BOB}`],
      options: 'command="echo \\"a b\\"",restrict',
    }, [`command="echo \\"a b\\"",restrict ${ANNA}`, `no-pty ${BOB}`]],
    ["replaces a comment that is given", [OWN], { keys: [`${ANNA} new`] }, [
      `from="10.0.0.0/8,x y",no-pty ${ANNA} new`,
    ]],
    [
      "makes one of two lines of a key",
      [`restrict ${ANNA}`, BOB, ANNA],
      { keys: [ANNA] },
      [`restrict ${ANNA}`, BOB],
    ],
    [
      "removes all others and what is no key, with only",
      ["# mine", BOB, "broken line", ANNA],
      { keys: [ANNA], only: true },
      ["# mine", ANNA],
    ],
    ["removes all, with only and none", [BOB], { keys: [], only: true }, []],
    ["removes keys", [OWN, BOB], { keys: [ANNA], absent: true }, [BOB]],
    ["takes lines of one text", [], { keys: [`${ANNA} a\n# x\n${BOB}\n`] }, [
      `${ANNA} a`,
      BOB,
    ]],
  ] as const
) {
  Deno.test(`a step on authorized keys ${what}`, async () => {
    const text = before.map((line) => `${line}\n`).join("");
    const host = annasHost({ [SSH]: FOLDER, [FILE]: { text } });
    const sheet = sheetOf(keysStep(params));

    await applyOn(host, sheet);
    const again = await planOn(host, sheet);

    assertEquals(
      host.tree.get(FILE)?.text,
      after.map((line) => `${line}\n`).join(""),
    );
    assertEquals(lines(again), [["ok"]]);
  });
}

for (
  const [what, params] of [
    ["word for a key", { keys: ["anna"] }],
    ["key of another type", { keys: [ANNA.replace(ED, "ssh-rsa")] }],
    ["key that is cut", { keys: [`${ED} AAAAC3NzaC1lZDI1`, "x"] }],
    ["key twice with other comments", { keys: [`${ANNA} a`, `${ANNA} b`] }],
    ["empty list", { keys: [] }],
    ["user", { keys: [ANNA], user: "../root" }],
    ["empty user", { keys: [ANNA], user: "" }],
    ["pair of only and absent", { keys: [ANNA], only: true, absent: true }],
    ["options with a blank", { keys: [ANNA], options: "no-pty x" }],
    ["options of two lines", { keys: [ANNA], options: 'command="a\nb"' }],
    ["options that are not closed", { keys: [ANNA], options: 'from="a' }],
    ["comment with a control sign", { keys: [`${ANNA} \u001b[2J`] }],
    ["line that is too long", { keys: [`${ANNA} ${"x".repeat(20_000)}`] }],
  ] as const
) {
  Deno.test(`a step on authorized keys with a wrong ${what} is refused`, async () => {
    const { steps } = await planOn(annasHost(), sheetOf(keysStep(params)));

    assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
  });
}

Deno.test("keys of a user that is not there are an error that says so", async () => {
  const step = keysStep({ user: "eve", keys: [ANNA] });

  const planned = await planOn(annasHost(), sheetOf(step));

  assertEquals(lines(planned), [
    'Cannot write authorized_keys of user "eve": this host has no user "eve"; make it by an earlier step',
  ]);
});

const SYSTEM = "/etc/ssh/ssh_known_hosts";

for (
  const [what, before, params, after] of [
    ["adds a key", [], { host: "DB.lan", keys: [ANNA] }, [`db.lan ${ANNA}`]],
    ["knows a hashed name", [HASHED_DB], { host: "db.lan", keys: [ANNA] }, [
      HASHED_DB,
    ]],
    ["knows a hashed name with a port", [HASHED_PORT], {
      host: "[db.lan]:2222",
      keys: [BOB],
    }, [HASHED_PORT]],
    [
      "replaces a key of the same type, also of a hashed name",
      [
        HASHED_DB,
        `db.lan ${ECDSA}`,
      ],
      { host: "db.lan", keys: [BOB] },
      [`db.lan ${ECDSA}`, `db.lan ${BOB}`],
    ],
    ["takes a host off a line of several", [`a,db.lan,b ${ANNA} c`], {
      host: "db.lan",
      keys: [BOB],
    }, [`a,b ${ANNA} c`, `db.lan ${BOB}`]],
    ["writes several names on one line", [`a ${ANNA}`], {
      host: "a,10.0.0.1,[b]:22",
      keys: [ANNA],
    }, [`a ${ANNA}`, `10.0.0.1,b ${ANNA}`]],
    [
      "leaves marked lines, patterns and comments",
      [
        `@revoked db.lan ${ANNA}`,
        `*.lan ${ANNA}`,
        "# x",
        "db.lan 1024 35 123",
      ],
      { host: "db.lan", keys: [ANNA] },
      [
        `@revoked db.lan ${ANNA}`,
        `*.lan ${ANNA}`,
        "# x",
        "db.lan 1024 35 123",
        `db.lan ${ANNA}`,
      ],
    ],
    ["removes keys of other types, with only", [`db.lan ${ECDSA}`], {
      host: "db.lan",
      keys: [ANNA],
      only: true,
    }, [`db.lan ${ANNA}`]],
    ["removes a key", [HASHED_DB, `db.lan ${ECDSA}`], {
      host: "db.lan",
      keys: [ANNA],
      absent: true,
    }, [`db.lan ${ECDSA}`]],
    ["removes all keys of a host", [HASHED_DB, `db.lan,b ${ECDSA}`], {
      host: "db.lan",
      keys: [],
      absent: true,
    }, [`b ${ECDSA}`]],
    ["takes what ssh-keyscan prints", [], {
      host: "db.lan",
      keys: [`# db.lan:22 SSH-2.0\ndb.lan ${ANNA}`],
    }, [`db.lan ${ANNA}`]],
  ] as const
) {
  Deno.test(`a step on known hosts ${what}`, async () => {
    const text = before.map((line) => `${line}\n`).join("");
    const host = hostWith({ [SYSTEM]: text });
    const sheet = sheetOf({ operation: "ssh.KnownHosts", params });

    const planned = await planOn(host, sheet);
    const applied = await applyOn(host, sheet);
    const again = await planOn(host, sheet);

    assertEquals(
      host.tree.get(SYSTEM)?.text,
      after.map((line) => `${line}\n`).join(""),
    );
    assertEquals(lines(planned), lines(applied));
    assertEquals(lines(again), [["ok"]]);
  });
}

Deno.test("known hosts of a user are in her folder", async () => {
  const host = annasHost();
  const params = { host: "db.lan", keys: [ANNA], user: "anna" };

  await applyOn(host, sheetOf({ operation: "ssh.KnownHosts", params }));

  assertEquals(host.tree.get(`${SSH}/known_hosts`), {
    kind: "file",
    mode: 0o600,
    uid: 1000,
    gid: 1000,
    text: `db.lan ${ANNA}\n`,
  });
});

for (
  const [what, params] of [
    ["pattern", { host: "*.lan", keys: [ANNA] }],
    ["name of two lines", { host: "a\nb", keys: [ANNA] }],
    ["empty name", { host: "a,,b", keys: [ANNA] }],
    ["port", { host: "[a]:70000", keys: [ANNA] }],
    ["hash", { host: "|1|a|b", keys: [ANNA] }],
    ["key of another host", { host: "a", keys: [`b ${ANNA}`] }],
    ["empty list", { host: "a", keys: [] }],
    ["unicode name", { host: "bücher.lan", keys: [ANNA] }],
  ] as const
) {
  Deno.test(`a step on known hosts with a wrong ${what} is refused`, async () => {
    const sheet = sheetOf({ operation: "ssh.KnownHosts", params });

    const { steps } = await planOn(hostWith({ [SYSTEM]: "" }), sheet);

    assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
  });
}

const KEYS = [ANNA, BOB, ECDSA];
const anyKey = fc.constantFrom(...KEYS);
const anyKeyLine = fc.oneof(
  fc.record({
    options: fc.constantFrom("", "restrict ", 'from="a b,c" '),
    key: anyKey,
    comment: fc.constantFrom("", " a", " two words"),
  }).map(({ options, key, comment }) => `${options}${key}${comment}`),
  fc.constantFrom("# comment", "", "broken", "ssh-ed25519 short"),
);
const anyHostLine = fc.oneof(
  fc.record({
    hosts: fc.subarray(["a", "b", "db.lan", "*.lan"], { minLength: 1 }),
    key: anyKey,
  }).map(({ hosts, key }) => `${hosts.join(",")} ${key}`),
  fc.constantFrom(HASHED_DB, `@revoked a ${ANNA}`, "# comment"),
);

/** Properties of an edit of keys, which a planted bug must break. */
function editsKeysRight(edit: typeof withKeys): void {
  const anyWanted = fc.record({
    keys: fc.uniqueArray(anyKey, { maxLength: 2 })
      .map((texts) => wantedKeys(texts, readKeyLine)),
    mode: fc.constantFrom("add", "only", "absent"),
  }).map(({ keys, mode }) => ({
    keys,
    only: mode === "only",
    absent: mode === "absent",
  }));
  fc.assert(
    fc.property(fc.array(anyKeyLine), anyWanted, (before, wanted) => {
      const after = edit(before, wanted);
      const keys = after.flatMap((line) => readKeyLine(line) ?? []);
      for (const key of wanted.keys) {
        const count = keys.filter((each) => isSameKey(each, key)).length;
        assertEquals(count, wanted.absent ? 0 : 1);
      }
      if (wanted.only) assertEquals(keys.length, wanted.keys.length);
      else {
        const isOther = (line: string) => {
          const key = readKeyLine(line);
          return key === undefined ||
            !wanted.keys.some((each) => isSameKey(each, key));
        };
        assertEquals(after.filter(isOther), before.filter(isOther));
      }
      assertEquals(edit(after, wanted), after);
    }),
  );
}

Deno.test("an edit of keys leaves what is wanted once and all else as it is", () => {
  editsKeysRight(withKeys);
});

for (
  const [what, planted] of [
    ["leaves second lines", (lines, wanted) => [
      ...withKeys(lines, wanted),
      ...lines.slice(1).filter((line) => line === ANNA),
    ]],
    [
      "drops comments",
      (lines, wanted) =>
        withKeys(lines, wanted).filter((line) => !line.startsWith("#")),
    ],
    [
      "forgets only",
      (lines, wanted) => withKeys(lines, { ...wanted, only: false }),
    ],
    ["adds blindly", (lines, wanted) => [
      ...withKeys(lines, { ...wanted, absent: true }),
      ...wanted.keys.map(({ type, data }) => `${type} ${data}`),
    ]],
  ] as readonly [string, typeof withKeys][]
) {
  Deno.test(`the property of keys finds an edit that ${what}`, () => {
    assertThrows(() => editsKeysRight(planted));
  });
}

Deno.test("an edit of known hosts gives each host its keys, and leaves others", () => {
  const anyWanted = fc.record({
    hosts: fc.subarray(["a", "db.lan"], { minLength: 1 }),
    keys: fc.uniqueArray(anyKey, { maxLength: 2 })
      .map((texts) => wantedKeys(texts, readKeyLine)),
    mode: fc.constantFrom("add", "only", "absent"),
  });
  fc.assert(
    fc.property(
      fc.array(anyHostLine),
      anyWanted,
      (before, { hosts, keys, mode }) => {
        const wanted = {
          hosts,
          keys,
          only: mode === "only",
          absent: mode === "absent",
        };

        const after = withHostKeys(before, wanted);

        assertEquals(withHostKeys(after, wanted), after);
        const others = (lines: readonly string[]) =>
          lines.filter((line) => /^(?:[b*#@])/.test(line));
        const isTouched = (line: string) =>
          line.split(" ")[0]?.split(",").some((at) => hosts.includes(at));
        for (const line of others(before)) {
          if (!isTouched(line)) assert(after.includes(line), line);
        }
        for (const key of wanted.absent ? [] : keys) {
          const text = `${key.type} ${key.data}`;
          for (const host of hosts) {
            const isKnown = after.some((line) =>
              line.includes(text) &&
              (line.split(" ")[0]?.split(",").includes(host) ||
                (host === "db.lan" && line === HASHED_DB))
            );
            assert(isKnown, `${host} has ${text}`);
          }
        }
      },
    ),
  );
});

Deno.test("names of known hosts are read as ssh writes them", () => {
  const names = ["A.b", "[A]:22", "[a]:0022", "[fe80::1%eth0]:2222", "::1"];

  const known = names.map(knownHostName);

  assertEquals(known, ["a.b", "a", "a", "[fe80::1%eth0]:2222", "::1"]);
});

const hasKeygen = await new Deno.Command("ssh-keygen", {
  args: ["-V"],
  stdout: "null",
  stderr: "null",
}).output().then(() => true, () => false);

Deno.test({
  name: `ssh-keygen finds hosts where the step finds them${
    hasKeygen ? "" : " (needs ssh-keygen)"
  }`,
  ignore: !hasKeygen,
  async fn() {
    await using folder = await TempFolder.make();
    const path = await folder.write("known_hosts", `db.lan,10.0.0.1 ${ANNA}\n`);
    const keygen = async (...args: string[]) => {
      const { code, stdout } = await new Deno.Command("ssh-keygen", {
        args: [...args, "-f", path],
        stderr: "null",
      }).output();
      return { code, text: new TextDecoder().decode(stdout) };
    };
    await keygen("-H");
    const hashed = (await Deno.readTextFile(path)).trim().split("\n");
    const [key] = wantedKeys([ANNA], readKeyLine);
    assert(key !== undefined && hashed.every((line) => line.startsWith("|1|")));
    const wanted = { hosts: ["10.0.0.1", "new.lan"], keys: [key] };

    const after = withHostKeys(hashed, {
      ...wanted,
      only: false,
      absent: false,
    });
    await Deno.writeTextFile(path, `${after.join("\n")}\n`);
    const found = await Promise.all(
      ["db.lan", "10.0.0.1", "new.lan", "other"].map((host) =>
        keygen("-F", host)
      ),
    );

    assertEquals(after.slice(0, hashed.length), hashed);
    assertEquals(after.slice(hashed.length), [`new.lan ${ANNA}`]);
    assertEquals(found.map(({ code }) => code), [0, 0, 0, 1]);
  },
});

Deno.test("a key that is refused is named by its beginning", async () => {
  await assertRejects(
    // deno-lint-ignore require-await
    async () => wantedKeys(["x".repeat(200)], readKeyLine),
    PiriError,
    `Cannot use "keys": "${"x".repeat(100)}..."`,
  );
});
