import { assertEquals, assertStringIncludes } from "@std/assert";
import type { SheetValue } from "../../lib/steps/sheet.ts";
import { FakeHost, type FakeNode, type FakePrograms } from "./fake_host.ts";
import { applyOn, planOn, type Ran, sheetOf } from "./runs.ts";

const ignore = Deno.build.os !== "linux";
const FOLDER: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };
const HASH = "$6$abcdefgh$" + "x".repeat(86);

function file(text: string): FakeNode {
  return { ...FOLDER, kind: "file", mode: 0o644, text };
}

/** Host like Alpine, whose applets change the tables as those of busybox 1.36 do. */
function alpine(): FakeHost {
  return new FakeHost(
    new Map([
      ...["/bin", "/usr", "/usr/sbin", "/etc", "/home", "/etc/skel"]
        .map((path) => [path, FOLDER] as const),
      ["/bin/busybox", file("")],
      ["/usr/sbin/adduser", file("")],
      ["/usr/sbin/addgroup", file("")],
      ["/etc/skel/.profile", file("umask 22\n")],
      [
        "/etc/passwd",
        file(
          "root:x:0:0:root:/root:/bin/ash\neva:x:1000:1000::/home/eva:/bin/ash\n",
        ),
      ],
      ["/etc/group", file("root:x:0:\neva:x:1000:\nwheel:x:10:root,eva\n")],
      ["/etc/shadow", file("root:*::0:::::\neva:!:1:0:99999:7:::\n")],
    ]),
    undefined,
    APPLETS,
  );
}

const APPLETS: FakePrograms = {
  addgroup: (host, words) => {
    const [name = "", group] = namesIn(words);
    if (group !== undefined) {
      edit(host, "group", group, (fields) => {
        const members = (fields[3] ?? "").split(",").filter((each) => each);
        return [...fields.slice(0, 3), [...members, name].join(",")];
      });
    } else {
      add(host, "group", `${name}:x:${option(words, "-g") ?? 1001}:`);
    }
    return 0;
  },
  adduser: (host, words) => {
    const [name = ""] = namesIn(words);
    const group = lineOf(host, "group", option(words, "-G") ?? "");
    if (group === undefined) return 1;
    const home = option(words, "-h") ?? "";
    const uid = option(words, "-u") ?? "1001";
    const [comment, shell] = [option(words, "-g"), option(words, "-s")];
    add(
      host,
      "passwd",
      [name, "x", uid, group[2], comment, home, shell].join(":"),
    );
    add(host, "shadow", `${name}:!:1:0:99999:7:::`);
    if (words.includes("-H")) return 0;
    const owner = { uid: Number(uid), gid: Number(group[2]) };
    host.tree.set(home, { ...FOLDER, ...owner, mode: 0o2755 });
    const skeleton = { ...file("umask 22\n"), ...owner };
    host.tree.set(`${home}/.profile`, skeleton);
    return 0;
  },
  chpasswd: (host, _, { stdin = "" }) => {
    const [name = "", hash = ""] = stdin.trim().split(":");
    edit(host, "shadow", name, ([, , ...rest]) => [name, hash, ...rest]);
    return 0;
  },
  passwd: (host, words) => {
    const [name = ""] = namesIn(words);
    edit(host, "shadow", name, ([, hash = "", ...rest]) => [
      name,
      words.includes("-l") ? `!${hash}` : hash.replace(/^!/, ""),
      ...rest,
    ]);
    return 0;
  },
  delgroup: (host, words) => {
    const [name = "", group] = namesIn(words);
    if (group === undefined) {
      edit(host, "group", name, () => undefined);
      return 0;
    }
    edit(host, "group", group, (fields) => [
      ...fields.slice(0, 3),
      (fields[3] ?? "").split(",").filter((each) => each !== name).join(","),
    ]);
    return 0;
  },
  deluser: (host, words) => {
    const [name = ""] = namesIn(words);
    const home = lineOf(host, "passwd", name)?.[5] ?? "";
    edit(host, "passwd", name, () => undefined);
    edit(host, "shadow", name, () => undefined);
    edit(host, "group", name, () => undefined);
    for (const line of linesOf(host, "group")) {
      APPLETS["delgroup"]?.(host, ["--", name, line.split(":")[0] ?? ""], {});
    }
    if (words.includes("--remove-home")) {
      for (const path of host.tree.keys()) {
        if (path === home || path.startsWith(`${home}/`)) {
          host.tree.delete(path);
        }
      }
    }
    return 0;
  },
};

function namesIn(words: readonly string[]): readonly string[] {
  return words.slice(words.indexOf("--") + 1);
}

function option(words: readonly string[], name: string): string | undefined {
  const place = words.indexOf(name);
  return place < 0 ? undefined : words[place + 1];
}

function linesOf(host: FakeHost, table: string): string[] {
  const { text = "" } = host.tree.get(`/etc/${table}`) ?? FOLDER;
  return text.split("\n").filter((line) => line !== "");
}

function lineOf(host: FakeHost, table: string, name: string) {
  return linesOf(host, table).map((line) => line.split(":"))
    .find(([first]) => first === name);
}

function add(host: FakeHost, table: string, line: string): void {
  write(host, table, [...linesOf(host, table), line]);
}

function edit(
  host: FakeHost,
  table: string,
  name: string,
  change: (fields: readonly string[]) => readonly string[] | undefined,
): void {
  write(
    host,
    table,
    linesOf(host, table).flatMap((line) => {
      const fields = line.split(":");
      return fields[0] === name ? change(fields)?.join(":") ?? [] : [line];
    }),
  );
}

function write(host: FakeHost, table: string, lines: readonly string[]): void {
  host.tree.set(`/etc/${table}`, file(`${lines.join("\n")}\n`));
}

type Step = readonly [string, Readonly<Record<string, SheetValue>>];

function sheet(...steps: readonly Step[]) {
  return sheetOf(
    ...steps.map(([operation, params]) => ({ operation, params })),
  );
}

function verdictsOf({ steps }: Ran) {
  return steps.map(({ verdict }) => verdict);
}

/** Errors of all steps. */
function toldBy({ steps }: Ran): string {
  return steps.map(({ error }) => error?.message ?? "").join("\n");
}

function busyboxTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

busyboxTest(
  "a user on Alpine is made as planned, with its group, groups, home and password",
  async () => {
    const host = alpine();
    const steps = sheet(
      ["group.Present", { name: "ops", gid: 500 }],
      ["user.Present", {
        name: "ina",
        uid: 1500,
        groups: ["ops", "wheel"],
        shell: "/bin/ash",
        comment: "Anna Ü",
        password: HASH,
      }],
      ["file.Dir", { path: "/home/ina", user: "1500" }],
      ["file.Line", { path: "/home/ina/.profile", line: "umask 22" }],
    );

    const plan = await planOn(host, steps);
    const apply = await applyOn(host, steps);
    const again = await planOn(host, steps);

    assertEquals(
      verdictsOf(plan),
      ["change", "change", "ok", "ok"],
      toldBy(plan),
    );
    assertEquals([apply.end.success, apply.end.message], [
      true,
      "2 steps changed something",
    ]);
    assertEquals(verdictsOf(again), ["ok", "ok", "ok", "ok"]);
    assertEquals(
      host.ran.filter((line) => /^(add|ch)/.test(line)),
      [
        "addgroup -g 500 -- ops",
        "addgroup -- ina",
        "adduser -D -h /home/ina -g Anna Ü -s /bin/ash -G ina -u 1500 -- ina",
        "addgroup -- ina ops",
        "addgroup -- ina wheel",
        "chpasswd -e",
      ],
    );
    assertEquals(lineOf(host, "shadow", "ina")?.[1], HASH);
  },
);

busyboxTest(
  "groups, members and locks change on Alpine, and no number, home or shell",
  async () => {
    const host = alpine();
    const changes = sheet(
      ["user.Present", { name: "eva", groups: ["eva"], "only_groups": true }],
      ["user.Present", { name: "eva", password: HASH, locked: true }],
      ["group.Present", {
        name: "wheel",
        members: ["eva"],
        "only_members": true,
      }],
    );
    const apply = await applyOn(host, changes);
    const others = await planOn(
      host,
      sheetOf(...([
        ["user.Present", { name: "eva", uid: 1234 }],
        ["user.Present", { name: "eva", home: "/srv/eva" }],
        ["user.Present", { name: "eva", shell: "/bin/sh" }],
        ["user.Present", { name: "eva", comment: "Eva" }],
        ["user.Present", { name: "eva", expires: "2030-01-31" }],
        ["user.Present", { name: "eva", group: "wheel" }],
        ["group.Present", { name: "wheel", gid: 77 }],
        ["user.Present", { name: "new", expires: "2030-01-31" }],
      ] as Step[]).map(([operation, params]) => ({
        operation,
        params,
        continue: true as const,
      }))),
    );

    assertEquals(apply.end.success, true, apply.end.message);
    assertEquals(lineOf(host, "group", "wheel"), ["wheel", "x", "10", "eva"]);
    assertEquals(lineOf(host, "shadow", "eva")?.[1], `!${HASH}`);
    for (const { error } of others.steps) {
      assertEquals(error?.code, "UNSUPPORTED");
      assertStringIncludes(
        error?.message ?? "",
        "busybox has no program for it",
      );
    }
  },
);

busyboxTest(
  "a user on Alpine goes with its home and group, and a group goes",
  async () => {
    const host = alpine();
    host.tree.set("/home/eva", { ...FOLDER, uid: 1000, gid: 1000 });
    const steps = sheet(
      ["user.Absent", { name: "eva", "remove_home": true }],
      ["group.Absent", { name: "eva" }],
      ["group.Absent", { name: "wheel" }],
    );

    const plan = await planOn(host, steps);
    const apply = await applyOn(host, steps);

    assertEquals(verdictsOf(plan), ["change", "ok", "change"], toldBy(plan));
    assertEquals(apply.end.success, true, apply.end.message);
    assertEquals(
      host.ran.filter((line) => line.startsWith("del")),
      ["deluser --remove-home -- eva", "delgroup -- wheel"],
    );
    assertEquals(host.tree.has("/home/eva"), false);
  },
);

busyboxTest(
  "an adduser without busybox is not taken for that of busybox",
  async () => {
    const host = alpine();
    host.tree.delete("/bin/busybox");

    const { steps } = await planOn(
      host,
      sheet(["user.Present", { name: "a" }]),
    );

    assertEquals(steps[0]?.error?.code, "UNSUPPORTED");
  },
);
