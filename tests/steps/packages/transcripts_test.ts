import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  readActs,
  readInfo,
} from "../../../lib/steps/providers/packages/apk.ts";
import {
  apt,
  readDpkg,
  readSimulation,
} from "../../../lib/steps/providers/packages/apt.ts";
import { readVersions } from "../../../lib/steps/providers/packages/brew.ts";
import { readTable } from "../../../lib/steps/providers/packages/dnf.ts";
import { findManager } from "../../../lib/steps/providers/packages/find_manager.ts";
import { holdersIn } from "../../../lib/steps/providers/packages/lock_wait.ts";
import { PackageTable } from "../../../lib/steps/providers/packages/package_table.ts";
import { readPairs } from "../../../lib/steps/providers/packages/pacman.ts";
import {
  readRpm,
  rpmForms,
} from "../../../lib/steps/providers/packages/rpm.ts";
import { readSummary } from "../../../lib/steps/providers/packages/zypper.ts";
import { FakeHost, type FakeNode } from "../fake_host.ts";

Deno.test("dpkg's packages are read with holds, left settings, interruptions and other architectures", () => {
  const packages = readDpkg(
    [
      "dpkg\tamd64\t1.21.22\tinstall\tinstalled\tyes\t",
      "exim4\tall\t4.96-15\tinstall\tinstalled\tno\tmail-transport-agent, default-mta (= 1)",
      "libc6\tamd64\t2.36-9\thold\tinstalled\tno\tlibc6-x (= 2)",
      "libc6\ti386\t2.36-8\tinstall\tinstalled\tno\t",
      "old\tamd64\t1:2.0~rc1-3\tdeinstall\tconfig-files\tno\t",
      "half\tamd64\t3\tinstall\thalf-configured\tno\t",
      "gone\tamd64\t\tunknown\tnot-installed\tno\t",
      "",
    ].join("\n"),
  );
  const table = new PackageTable(packages, "amd64");

  assertEquals(
    [table.of("libc6")?.version, table.of("libc6:i386")?.version],
    ["2.36-9", "2.36-8"],
  );
  assertEquals([table.of("libc6")?.held, table.of("dpkg")?.essential], [
    true,
    true,
  ]);
  assertEquals([table.of("old")?.state, table.of("half")?.state], [
    "left",
    "half",
  ]);
  assertEquals(table.of("gone"), undefined);
  assertEquals(table.interrupted, ["half"]);
  assertEquals(table.providerOf("default-mta"), "exim4");
});

Deno.test("a simulation of apt-get is read with installations, upgrades, removals and purges", () => {
  const moves = readSimulation(`Reading package lists...
  curl*
0 upgraded, 0 newly installed, 1 to remove and 135 not upgraded.
Inst nginx-common (1.22.1-9+deb12u11 Debian-Security:12/oldstable-security [all])
Inst curl [7.88.1-10+deb12u12] (7.88.1-10+deb12u14 Debian-Security:12 [amd64]) []
Inst libfoo:i386 [1.0] (1:2.0 Debian:12 [i386]) [bar:i386 on baz:i386]
Conf nginx-common (1.22.1-9+deb12u11 Debian-Security:12/oldstable-security [all])
Remv exim4 [4.96-15+deb12u7]
Purg nano [7.2-1]
`);

  assertEquals(moves, [
    { name: "nginx-common", to: "1.22.1-9+deb12u11" },
    { name: "curl", from: "7.88.1-10+deb12u12", to: "7.88.1-10+deb12u14" },
    { name: "libfoo:i386", from: "1.0", to: "1:2.0" },
    { name: "exim4", from: "4.96-15+deb12u7" },
    { name: "nano", from: "7.2-1" },
  ]);
});

Deno.test("a table of dnf is read with long names, sizes without a unit, and removals", () => {
  const moves = readTable(`Last metadata expiration check: 0:01:02 ago.
Dependencies resolved.
================================================================================
 Package          Architecture    Version             Repository           Size
================================================================================
Installing:
 nginx            x86_64          1:1.20.1-14.el9     appstream            40 k
Installing dependencies:
 a-very-long-name-of-a-package-that-has-a-line-of-its-own
                  noarch          0:2.0-1             appstream           1.2 M
Upgrading:
 tool             x86_64          2.0-1               base                  0
     replacing  old-tool.x86_64 1.0-1
Removing dependent packages:
 gone             noarch          1.0-1               @base                 0

Transaction Summary
================================================================================
Install  2 Packages
Operation aborted.
`);

  assertEquals(moves, [
    { name: "nginx", to: "1:1.20.1-14.el9" },
    {
      name: "a-very-long-name-of-a-package-that-has-a-line-of-its-own",
      to: "2.0-1",
    },
    { name: "tool", to: "2.0-1" },
    { name: "gone" },
  ]);
});

Deno.test("a table of dnf 5 is read as one of dnf 4", () => {
  const moves = readTable(
    `Package      Arch   Version       Repository      Size
Installing:
 vim-enhanced x86_64 2:9.1.1000-1  updates      4.1 MiB
Installing dependencies:
 gpm-libs     x86_64 1.20.7-46     fedora      27.7 KiB

Transaction Summary:
 Installing:         2 packages

Operation aborted by the user.
`,
  );

  assertEquals(moves, [
    { name: "vim-enhanced", to: "2:9.1.1000-1" },
    { name: "gpm-libs", to: "1.20.7-46" },
  ]);
});

Deno.test("a summary of zypper is read, without patches and patterns", () => {
  const moves = readSummary(`<?xml version='1.0'?>
<stream>
<install-summary download-size="0" space-usage-diff="0" packages-to-change="3">
<to-install><solvable type="package" name="nginx" edition="1.21.5-1" arch="x86_64" summary="A &quot;server&quot;"/></to-install>
<to-upgrade><solvable type="package" name="curl" edition="8-2" arch="x86_64" edition-old="8-1"/><solvable type="patch" name="p" edition="1"/></to-upgrade>
<to-remove><solvable type="package" name="apache2" edition="2.4-1" arch="x86_64"/></to-remove>
</install-summary>
</stream>`);

  assertEquals(moves, [
    { name: "nginx", to: "1.21.5-1" },
    { name: "curl", from: "8-1", to: "8-2" },
    { name: "apache2", from: "2.4-1" },
  ]);
});

Deno.test("output of apk, pacman, rpm and brew is read", () => {
  assertEquals(
    readActs(`(1/3) Installing pcre2 (10.43-r0)
( 2/3) Upgrading nginx (1.26.1-r0 -> 1.26.2-r0)
(3/3) Purging nano (8.0-r0)
OK: 10 MiB in 20 packages`),
    [
      { name: "pcre2", to: "10.43-r0" },
      { name: "nginx", from: "1.26.1-r0", to: "1.26.2-r0" },
      { name: "nano", from: "8.0-r0" },
    ],
  );
  assertEquals(
    readInfo("WARNING: opening: x\nlib-foo-bar-1.2_rc3-r4\nmusl-1.2.5-r0\n")
      .map((
        { name, version },
      ) => [name, version]),
    [["lib-foo-bar", "1.2_rc3-r4"], ["musl", "1.2.5-r0"]],
  );
  assertEquals(readPairs("bash 5.2-1\n:: a line of others\n"), [[
    "bash",
    "5.2-1",
  ]]);
  assertEquals(
    readRpm("bash\t0:5.1-9.el9\tx86_64\ngpg-pubkey\t1-2\t(none)\n").map((
      { name, version },
    ) => [name, version]),
    [["bash", "5.1-9.el9"]],
  );
  assertEquals(rpmForms("1:2.0-3.el9"), ["2.0-3.el9", "1:2.0", "2.0"]);
  assertEquals(
    readVersions("wget 1.21 1.24_1\n\n", new Set(["wget"])),
    [{ name: "wget", version: "1.24_1", held: true, state: "installed" }],
  );
});

Deno.test("holders of a lock are found by the numbers of files, and those that wait are not", () => {
  const holders = holdersIn(
    `1: POSIX  ADVISORY  WRITE 4711 fe:00:399290 0 EOF
1: -> POSIX  ADVISORY  WRITE 4712 fe:00:399290 0 EOF
2: FLOCK  ADVISORY  WRITE 99 fe:00:12 0 EOF
3: POSIX  ADVISORY  READ 98 fe:00:399290 0 EOF
`,
    new Set(["399290", ""]),
  );

  assertEquals(holders, ["4711"]);
});

for (
  const [name, isRight] of [
    ["nginx", true],
    ["g++", true],
    ["libc6:i386", true],
    ["0ad", true],
    ["nginx-", false],
    ["-y", false],
    ["--purge", false],
    ["a b", false],
    ["nginx=1", false],
    ["Nginx", false],
    ["näh", false],
    ["nginx/stable", false],
    ["x\n", false],
    ["", false],
  ] as const
) {
  Deno.test(`apt is ${isRight ? "" : "not "}given ${JSON.stringify(name)} as a name`, () => {
    assertEquals(apt.names.test(name), isRight);
  });
}

function hostWith(release: string, ...programs: string[]): FakeHost {
  const folder: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };
  const file: FakeNode = { ...folder, kind: "file", text: "" };
  return new FakeHost(
    new Map([
      ["/etc", folder],
      ["/usr", folder],
      ["/usr/bin", folder],
      ["/etc/os-release", { ...file, text: release }],
      ...programs.map((each) => [`/usr/bin/${each}`, file] as const),
    ]),
  );
}

for (
  const [release, programs, name] of [
    ["ID=debian\n", ["dnf", "apt-get"], "apt"],
    ["ID=linuxmint\nID_LIKE='ubuntu debian'\n", ["apt-get"], "apt"],
    ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', ["yum", "dnf"], "dnf"],
    ["ID=amzn\n", ["yum"], "yum"],
    ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', ["zypper"], "zypper"],
    ["ID=arch\n", ["pacman", "apt-get"], "pacman"],
    ["ID=alpine\n", ["apk"], "apk"],
    ["ID=unknown\n", ["brew"], "brew"],
    ["", ["pacman"], "pacman"],
  ] as const
) {
  Deno.test(`a host with ${JSON.stringify(release)} and ${programs.join(", ")} has ${name}`, async () => {
    const host = hostWith(release, ...programs);

    const manager = await findManager(
      host.reader(new AbortController().signal),
    );

    assertEquals(manager.name, name);
  });
}

Deno.test("a host without a package manager is told so", async () => {
  const host = hostWith("ID=debian\n");

  await assertRejects(
    () => findManager(host.reader(new AbortController().signal)),
    PiriError,
    "Cannot manage packages on this host: it has none of apt-get, dnf",
  );
});
