import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  readFstabLine,
  withMount,
  withoutMount,
} from "../../lib/steps/providers/mounts/fstab.ts";
import {
  isSameSet,
  optionDifferences,
  optionsOf,
} from "../../lib/steps/providers/mounts/mount_options.ts";
import {
  placeIn,
  readMounts,
} from "../../lib/steps/providers/mounts/mount_table.ts";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { FAKE_MOUNTS, ROOT, TABLE } from "./fake_kernel.ts";
import { hostWith } from "./host_with.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";
import { lines, type Step } from "./service_runs.ts";

const FSTAB = "/etc/fstab";
function mountHost(
  files: Readonly<Record<string, string>> = {},
  table = ROOT,
) {
  return hostWith({
    "/run/openrc/x": "",
    "/fake/mountinfo": table,
    "/mnt/x/.keep": "",
    "/busy/.keep": "",
    [FSTAB]: "# mine\n",
    ...files,
  }, FAKE_MOUNTS);
}

function mounted(params: SheetStep["params"]): Step {
  return {
    operation: "mount.Mounted",
    params: { path: "/mnt/x", source: "tmpfs", fstype: "tmpfs", ...params },
  };
}

function unmounted(path: string, more: SheetStep["params"] = {}): Step {
  return { operation: "mount.Unmounted", params: { path, ...more } };
}

const TMPFS = "9 1 0:9 / /mnt/x rw,relatime - tmpfs tmpfs rw,size=65536k\n";

for (
  const [what, table, fstab, params, ran, after] of [
    ["that is in neither", ROOT, "# mine\n", {
      options: ["size=64m", "noexec"],
    }, [
      "mount -t tmpfs -o size=64m,noexec tmpfs /mnt/x",
    ], "# mine\ntmpfs /mnt/x tmpfs size=64m,noexec 0 0\n"],
    [
      "whose line has its options in another order",
      ROOT + TMPFS.replace("rw,relatime", "rw,noexec,relatime"),
      "tmpfs /mnt/x/ tmpfs noexec,defaults,size=64m,nofail 0 2\n",
      { options: ["size=64m,nofail", "noexec"] },
      undefined,
      "tmpfs /mnt/x/ tmpfs noexec,defaults,size=64m,nofail 0 2\n",
    ],
    [
      "of which only options differ",
      ROOT + TMPFS,
      "tmpfs /mnt/x tmpfs size=64m 0 2\n",
      { options: ["size=32m", "ro"] },
      ["mount -o remount,suid,dev,exec,relatime,size=32m,ro /mnt/x"],
      "tmpfs /mnt/x tmpfs size=32m,ro 0 2\n",
    ],
    [
      "in whose place is another one",
      `${ROOT}9 1 8:2 / /mnt/x rw,relatime - ext4 /dev/sdb1 rw\n`,
      "",
      {},
      ["umount /mnt/x", "mount -t tmpfs tmpfs /mnt/x"],
      "tmpfs /mnt/x tmpfs defaults 0 0\n",
    ],
    [
      "without fstab",
      ROOT,
      "# mine\n",
      { persist: false },
      ["mount -t tmpfs tmpfs /mnt/x"],
      "# mine\n",
    ],
  ] as const
) {
  Deno.test(`a file system ${what} is mounted, and nothing the next time`, async () => {
    const host = mountHost({ [FSTAB]: fstab }, table);
    const sheet = sheetOf(mounted(params));

    const planned = await planOn(host, sheet);
    const applied = await applyOn(host, sheet);
    const again = await applyOn(host, sheet);

    assertEquals(host.tree.get(FSTAB)?.text, after);
    assertEquals<readonly string[]>(host.ran, ran ?? []);
    assertEquals(lines(planned), lines(applied));
    assertEquals(lines(again), [["ok"]]);
  });
}

Deno.test("a device is found by its UUID, and by its other names", async () => {
  const host = mountHost(
    {
      "/dev/sdb1": "",
      "/dev/disk/by-uuid/ab-12": "-> ../../sdb1",
      "/dev/disk/by-label/my\\x20data": "-> ../../sdb1",
      "/dev/mapper/x": "-> ../sdb1",
    },
    `${ROOT}9 1 8:2 / /mnt/x rw,relatime - ext4 /dev/sdb1 rw\n`,
  );

  const sources = ["UUID=ab-12", "LABEL=my data", "/dev/mapper/x"];
  const planned = await planOn(
    host,
    sheetOf(...sources.map((source, index) => ({
      ...mounted({ source, fstype: "ext4", persist: false }),
      name: `${index}`,
    }))),
  );

  assertEquals(lines(planned), [["ok"], ["ok"], ["ok"]]);
});

Deno.test("a folder that is mounted is known by its place in its file system", async () => {
  const params = {
    source: "/srv/a",
    fstype: "none",
    options: ["bind"],
    persist: false,
  };
  const planFor = async (root: string) =>
    lines(
      await planOn(
        mountHost(
          { "/srv/a/x": "" },
          `${ROOT}9 1 8:1 ${root} /mnt/x rw,relatime - ext4 /dev/sda1 rw\n`,
        ),
        sheetOf(mounted(params)),
      ),
    );

  assertEquals(await planFor("/srv/a"), [["ok"]]);
  assertEquals(await planFor("/srv/b"), [[
    "change",
    "mount /dev/sda1 (ext4) /srv/a (none)",
  ]]);
});

Deno.test("a path below a mount of an earlier step is unknown, and the mount itself is not", async () => {
  const host = mountHost();
  const step = mounted({});

  const planned = await planOn(
    host,
    sheetOf(
      { ...step, name: "first" },
      { ...step, name: "second" },
      {
        operation: "file.Installed",
        params: { path: "/mnt/x/f", content: "x" },
      },
      unmounted("/mnt/x"),
    ),
  );

  assertEquals(planned.steps.map(({ verdict }) => verdict), [
    "change",
    "ok",
    "unknown",
    "change",
  ]);
});

Deno.test("a mount is taken away with its line, also one of two at a path", async () => {
  const host = mountHost(
    { [FSTAB]: "# mine\ntmpfs /mnt/x tmpfs defaults 0 0\n" },
    ROOT + TMPFS + TMPFS,
  );
  const sheet = sheetOf(unmounted("/mnt/x"));

  const planned = await planOn(host, sheet);
  const applied = await applyOn(host, sheet);
  const again = await planOn(host, sheet);

  assertEquals(host.tree.get(FSTAB)?.text, "# mine\n");
  assertEquals(host.tree.get(TABLE)?.text, ROOT);
  assertEquals(lines(planned), lines(applied));
  assertEquals(lines(again), [["ok"]]);
});

Deno.test("a mount below another one must go first", async () => {
  const table = `${ROOT}${TMPFS}${TMPFS.replace("/mnt/x", "/mnt/x/y")}`;

  const alone = await planOn(
    mountHost({}, table),
    sheetOf(unmounted("/mnt/x")),
  );
  const both = await planOn(
    mountHost({}, table),
    sheetOf(unmounted("/mnt/x/y"), unmounted("/mnt/x")),
  );

  assertEquals(lines(alone), [
    'Cannot unmount "/mnt/x": "/mnt/x/y" is mounted below it; unmount that by an earlier step',
  ]);
  assertEquals(both.steps.map(({ verdict }) => verdict), ["change", "change"]);
});

Deno.test("a mount that is used is not taken away, and its users are named", async () => {
  const host = mountHost({
    "/proc/812/cwd": "-> /busy/deep",
    "/proc/812/comm": "bash\n",
    "/proc/813/fd/3": "-> /busy",
    "/proc/813/comm": "tail\n",
    "/proc/814/cwd": "-> /busyness",
  }, ROOT + TMPFS.replace("/mnt/x", "/busy"));

  const applied = await applyOn(host, sheetOf(unmounted("/busy")));

  assertEquals(lines(applied), [
    'Cannot unmount "/busy": it is used by bash (812), tail (813)',
  ]);
});

Deno.test("fstab alone counts in a root that is not started", async () => {
  const host = hostWith({ "/etc/x": "" });

  const applied = await applyOn(host, sheetOf(mounted({})));

  assertEquals(host.tree.get(FSTAB)?.text, "tmpfs /mnt/x tmpfs defaults 0 0\n");
  assertEquals(host.ran, []);
  assertEquals(applied.end.success, true);
});

for (
  const [what, step, message] of [
    [
      "at a path that is not there",
      mounted({ path: "/mnt/none" }),
      'Cannot mount at "/mnt/none": it is not there; make it by an earlier step',
    ],
    [
      "of a device that is not there",
      mounted({ source: "UUID=1", fstype: "ext4" }),
      'Cannot mount at "/mnt/x": there is no "UUID=1"',
    ],
    [
      "that mount refuses",
      mounted({ source: "bad" }),
      'Cannot mount at "/mnt/x": mount ended with exit code 32',
    ],
    [
      "of the system that shall go",
      unmounted("/"),
      'Cannot unmount "/": the running system needs it',
    ],
  ] as const
) {
  Deno.test(`a mount ${what} is an error that says so`, async () => {
    const ran = await applyOn(mountHost(), sheetOf(step));

    assertEquals(lines(ran), [message]);
  });
}

for (
  const params of [
    { source: "" },
    { source: "-o x" },
    { source: "a\nb" },
    { fstype: "" },
    { fstype: "ext4 x" },
    { fstype: "swap" },
    { options: ["a b"] },
    { options: ["remount"] },
    { options: ["ü"] },
    { path: "/mnt/a\nb" },
  ]
) {
  Deno.test(`a mount with ${JSON.stringify(params)} is refused`, async () => {
    const { steps } = await planOn(mountHost(), sheetOf(mounted(params)));

    assertEquals(steps[0]?.error?.code, "INVALID_ARGUMENT");
  });
}

for (
  const [wanted, now, to] of [
    ["", "rw,relatime,rw,seclabel,errors=remount-ro", ""],
    ["noatime,nodiratime", "rw,noatime,rw", ""],
    ["", "rw,noatime,rw", "relatime"],
    ["strictatime", "rw,rw", ""],
    ["ro", "ro,relatime,rw", ""],
    ["", "ro,relatime,ro", "rw"],
    ["user", "rw,nosuid,nodev,noexec,relatime", ""],
    ["user,exec", "rw,nosuid,nodev,relatime", ""],
    ["mode=0755,size=1g", "rw,relatime,size=1048576k,mode=755", ""],
    ["mode=0700", "rw,relatime,mode=755", "mode=0700"],
    ["compress=zstd", "rw,relatime,compress=zstd:3", ""],
    ["data=journal", "rw,relatime", ""],
    ["nofail,_netdev,x-systemd.automount,noauto", "rw,relatime", ""],
    ["uid=anna,size=50%", "rw,relatime,uid=1000,size=8000k", ""],
  ] as const
) {
  Deno.test(`the options "${wanted}" differ from "${now}" by "${to}"`, () => {
    const found = optionDifferences(optionsOf([wanted]), now.split(","));

    assertEquals(found.to.join(","), to);
  });
}

Deno.test("a table of mounts is read with blanks, and the upper one of two counts", () => {
  const text =
    `${ROOT}2 1 0:5 /a\\040b /mnt/x\\134y rw shared:1 master:2 - fuse.x a\\011b rw,z\nbroken\n`;

  const [, second] = readMounts(text);

  assertEquals(second, {
    device: "0:5",
    root: "/a b",
    path: "/mnt/x\\y",
    type: "fuse.x",
    source: "a\tb",
    options: ["rw", "rw", "z"],
  });
  assertEquals(readMounts("").length, 0);
  assertEquals(placeIn(readMounts(text), "/mnt/x\\y/z"), {
    device: "0:5",
    root: "/a b/z",
  });
});

const anyPath = fc.constantFrom("/a", "/a b", "/a\\b", "/ü", "/#x");
const anyMount = fc.record({
  path: anyPath,
  source: fc.constantFrom("tmpfs", "/dev/x y", "UUID=1", "//s/a"),
  type: fc.constantFrom("tmpfs", "ext4"),
  options: fc.subarray(["ro", "noatime", "size=1m"]),
});
const anyFstabLine = fc.oneof(
  anyMount.map((each) => withMount([], each)[0] ?? ""),
  fc.constantFrom("# x /a y", "", "swap none swap sw 0 0", "broken"),
);

function editsRight(edit: typeof withMount): void {
  fc.assert(
    fc.property(fc.array(anyFstabLine), anyMount, (before, wanted) => {
      const after = edit(before, wanted);

      const isOwn = (line: string) => readFstabLine(line)?.path === wanted.path;
      const [own, ...more] = after.filter(isOwn);
      const { rest: _, ...found } = readFstabLine(own ?? "") ??
        { rest: [], options: [] };
      assertEquals(more, []);
      assert(isSameSet(found.options, wanted.options));
      assertEquals({ ...found, options: [] }, { ...wanted, options: [] });
      assertEquals(
        after.filter((line) => !isOwn(line)),
        before.filter((line) => !isOwn(line)),
      );
      assertEquals(edit(after, wanted), after);
      assertEquals(
        withoutMount(after, wanted.path),
        before.filter((line) => !isOwn(line)),
      );
    }),
  );
}

Deno.test("an edit of fstab sets one mount and leaves all else", () => {
  editsRight(withMount);
});

for (
  const [what, planted] of [
    [
      "writes blanks as they are",
      (before, wanted) =>
        withMount(before, wanted).map((line) => line.replaceAll("\\040", " ")),
    ],
    ["keeps a second line", (before, wanted) => [
      ...withMount(before, wanted),
      ...before.filter((line) => readFstabLine(line)?.path === wanted.path)
        .slice(1),
    ]],
    [
      "forgets options",
      (before, wanted) => withMount(before, { ...wanted, options: [] }),
    ],
  ] as readonly [string, typeof withMount][]
) {
  Deno.test(`the property of fstab finds an edit that ${what}`, () => {
    assertThrows(() => editsRight(planted));
  });
}
