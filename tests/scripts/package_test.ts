import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import { readDefinition } from "../../lib/service/service_host.ts";
import { run } from "../../scripts/build/run.ts";
import { targetNamed } from "../../scripts/build/target.ts";
import { TempFolder } from "../../scripts/local/temp_folder.ts";
import { packageVersion } from "../../scripts/package/facts.ts";
import {
  debScripts,
  rpmScripts,
} from "../../scripts/package/maintainer_scripts.ts";
import { hasTool, makePackages } from "../../scripts/package/make.ts";
import { packageUnit } from "../../scripts/package/tree.ts";
import { differences } from "../../scripts/release/compare.ts";

const isLinux = Deno.build.os === "linux";
const hasDeb = isLinux && await hasTool("dpkg-deb");
const hasRpm = isLinux && await hasTool("rpmbuild");
const TIME = new Date("2026-02-03T04:05:06Z");

/** Packages of small programs. */
async function made(version = "0.3.0") {
  const folder = await TempFolder.make("piri-package-");
  const payloads = [];
  for (const product of ["piri-agent", "piri-manager", "piri-agent-observe"]) {
    for (const name of ["linux-x64", "linux-arm64", "windows-x64"]) {
      const path = folder.at(`${product}-${name}`);
      await Deno.writeTextFile(path, `#!/bin/sh\necho ${product}\n`);
      payloads.push({ path, product, target: targetNamed(name) });
    }
  }
  const out = folder.at("out");
  await Deno.mkdir(out);
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const paths = await makePackages(payloads, { version, time: TIME, out, say });
  const names = paths.map((path) => path.slice(out.length + 1));
  return {
    names,
    out,
    said,
    at: (name: string) => folder.at("out", name),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test({
  name:
    "a Debian package has the program, its unit and scripts, all of root and of one time",
  ignore: !hasDeb,
  async fn() {
    await using packages = await made();
    assertEquals(packages.names.filter((name) => name.endsWith(".deb")), [
      "piri-agent_0.3.0_amd64.deb",
      "piri-agent_0.3.0_arm64.deb",
      "piri-manager_0.3.0_amd64.deb",
      "piri-manager_0.3.0_arm64.deb",
    ]);
    const deb = packages.at("piri-manager_0.3.0_arm64.deb");
    const listed = await run(["dpkg-deb", "-c", deb], { env: { TZ: "UTC" } });
    const lines = listed.trimEnd().split("\n").map((line) => line.split(/ +/));
    assertEquals(
      new Set(lines.map(([, owner, , day, time]) => `${owner} ${day} ${time}`)),
      new Set(["root/root 2026-02-03 04:05"]),
    );
    assertEquals(
      lines.map(([mode = "", , , , , path]) => `${mode} ${path}`)
        .filter((line) => line.startsWith("-")),
      [
        "-rwxr-xr-x ./usr/bin/piri-manager",
        "-rw-r--r-- ./usr/lib/systemd/system/piri-manager.service",
        "-rw-r--r-- ./usr/lib/sysusers.d/piri-manager.conf",
        "-rw-r--r-- ./usr/share/doc/piri-manager/copyright",
        "-rw-r--r-- ./usr/share/man/man1/piri-manager.1.gz",
      ],
    );
    const field = async (name: string) =>
      (await run(["dpkg-deb", "-f", deb, name])).trim();
    assertEquals(
      [await field("Architecture"), await field("Depends")],
      ["arm64", "libc6 (>= 2.27), libgcc-s1 | libgcc1, passwd"],
    );
  },
});

Deno.test({
  name:
    "an RPM package has the program as it is, its unit and scripts, and needs what Piri needs",
  ignore: !hasRpm,
  async fn() {
    await using packages = await made();
    const rpm = packages.at("piri-agent-0.3.0-1.aarch64.rpm");
    const ask = async (...words: string[]) =>
      (await run(["rpm", "-qp", ...words, rpm])).trimEnd().split("\n");
    assertEquals(
      await ask("--qf", "[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\n]"),
      [
        "-rwxr-xr-x root /usr/bin/piri-agent",
        "-rw-r--r-- root /usr/lib/systemd/system/piri-agent.service",
        "drwxr-xr-x root /usr/share/doc/piri-agent",
        "-rw-r--r-- root /usr/share/doc/piri-agent/copyright",
        "-rw-r--r-- root /usr/share/man/man1/piri-agent.1.gz",
      ],
    );
    const needs = (await ask("--requires")).filter((each) =>
      !each.startsWith("rpmlib")
    );
    assertEquals(needs, [
      "/bin/sh",
      "/bin/sh",
      "/bin/sh",
      "libc.so.6(GLIBC_2.27)(64bit)",
      "libgcc_s.so.1()(64bit)",
    ]);
    const [digest] = await ask("--qf", "[%{FILEDIGESTS}\n]");
    const program = await Deno.readFile(
      dirname(packages.out) + "/piri-agent-linux-arm64",
    );
    const hash = await crypto.subtle.digest("SHA-256", program);
    assertEquals(digest, new Uint8Array(hash).toHex());
  },
});

Deno.test({
  name:
    "packages that are made twice are equal byte for byte, and what is missing is said",
  ignore: !isLinux,
  async fn() {
    await using one = await made();
    await using other = await made();
    assertEquals(await differences(one.out, other.out), []);
    assertEquals(
      one.said.filter((line) => line.startsWith("No .")).length,
      [hasDeb, hasRpm].filter((has) => !has).length,
    );
  },
});

Deno.test("a version before a release is older to package managers, too", () => {
  const target = targetNamed("linux-x64");
  const versions = ["0.3.0", "0.3.0-rc.1"].map((version) =>
    packageVersion({ name: "piri-agent", version, target, time: TIME })
  );
  assertEquals(versions, ["0.3.0", "0.3.0~rc.1"]);
});

Deno.test("the unit of a package starts the packaged program, by no guard", () => {
  for (const name of ["piri-agent", "piri-manager"] as const) {
    const unit = packageUnit(name);
    assertEquals(readDefinition(unit), {
      dir: `/var/lib/${name}`,
      executable: `/usr/bin/${name}`,
    });
    assertMatch(
      unit,
      new RegExp(`^ExecStart=/usr/bin/${name} (run|serve)\\b`, "m"),
    );
    assertEquals(/guard|\/opt\//.test(unit), false);
  }
});

/** A host that dpkg has as its root, with a systemctl that notes its lines. */
class FakeRoot implements AsyncDisposable {
  private constructor(readonly folder: TempFolder) {}

  static async make(
    { isJoined = false, hasSystemd = true, isRestartable = false } = {},
  ): Promise<FakeRoot> {
    const folder = await TempFolder.make("piri-root-");
    const note = `#!/bin/sh
case "$*" in
*show*) echo "\${FAKE_PID:-0}" ;;
*) echo "\${0##*/} $*" >>"${folder.at("lines")}" ;;
esac
`;
    const files: Record<string, string> = {
      "bin/systemctl": note,
      "bin/deb-systemd-invoke": note,
      "bin/systemd-sysusers": note,
      "lines": "",
      "etc/systemd/system/multi-user.target.wants/piri-agent.service": "",
      ...hasSystemd ? { "run/systemd/system/x": "" } : {},
      ...isJoined ? { "var/lib/piri-agent/agent.yaml": "" } : {},
      ...isRestartable
        ? { "var/lib/piri-agent/running.json": '{"restartable":true}\n' }
        : {},
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(folder.at(name)), { recursive: true });
      await Deno.writeTextFile(folder.at(name), text, { mode: 0o755 });
    }
    return new FakeRoot(folder);
  }

  /** Runs a script by a shell that is the service's process if `isOwn`, and returns what it said and called. */
  async run(
    script: string,
    args: readonly string[],
    { pid, isOwn = false }: { pid?: number; isOwn?: boolean } = {},
  ): Promise<{ code: number; stderr: string; lines: string[] }> {
    const path = this.folder.at("script");
    await Deno.writeTextFile(path, script);
    await Deno.writeTextFile(this.folder.at("lines"), "");
    const own = isOwn ? "FAKE_PID=$$ " : "";
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", `${own}sh "$0" "$@"; exit $?`, path, ...args],
      env: {
        DPKG_ROOT: this.folder.path,
        PATH: `${this.folder.at("bin")}:${Deno.env.get("PATH")}`,
        ...pid === undefined ? {} : { FAKE_PID: String(pid) },
      },
    }).output();
    const lines = await Deno.readTextFile(this.folder.at("lines"));
    return {
      code,
      stderr: new TextDecoder().decode(stderr),
      lines: lines.trimEnd().split("\n").map((line) =>
        line.replaceAll(this.folder.path, "ROOT")
      ),
    };
  }

  async has(path: string): Promise<boolean> {
    return await Deno.stat(this.folder.at(path)).then(
      () => true,
      () => false,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.folder[Symbol.asyncDispose]();
  }
}

const ENABLE = "systemctl --root=ROOT --quiet enable piri-agent.service";
const RELOAD = "systemctl daemon-reload";

Deno.test({
  name:
    "a package enables the service once, and starts it only on a host that has joined",
  ignore: !isLinux,
  async fn() {
    const { installed } = debScripts("piri-agent");
    await using fresh = await FakeRoot.make();
    await using joined = await FakeRoot.make({ isJoined: true });
    await using chroot = await FakeRoot.make({ hasSystemd: false });
    const enabled = "systemctl --quiet is-enabled piri-agent.service";
    const start = "deb-systemd-invoke start piri-agent.service";

    const first = ["configure", ""];
    assertEquals((await fresh.run(installed, first)).lines, [ENABLE, RELOAD]);
    assertEquals((await chroot.run(installed, first)).lines, [ENABLE]);
    assertEquals((await joined.run(installed, first)).lines, [
      ENABLE,
      RELOAD,
      enabled,
      start,
    ]);
    assertEquals((await joined.run(installed, ["configure", "0.2.0"])).lines, [
      RELOAD,
      enabled,
      start,
    ]);
  },
});

Deno.test({
  name:
    "an upgrade restarts nothing: it asks a process that listens to restart when idle",
  ignore: !isLinux,
  async fn() {
    const scripts = [
      [debScripts("piri-agent").installed, ["configure", "0.2.0"]],
      [`#!/bin/sh\n${rpmScripts("piri-agent").installed}`, ["2"]],
    ] as const;
    for (const [script, args] of scripts) {
      await using listens = await FakeRoot.make({ isRestartable: true });
      await using old = await FakeRoot.make();
      const service = new Deno.Command("tail", { args: ["-f", "/dev/null"] })
        .spawn();
      const { pid } = service;
      const left = await old.run(script, args, { pid });
      const asked = await listens.run(script, args, { pid });
      const { signal } = await service.status;

      assertEquals([left.lines, asked.lines], [[RELOAD], [RELOAD]]);
      assertMatch(left.stderr, /goes on with the version before/);
      assertEquals([asked.stderr, signal], ["", "SIGUSR1"]);
    }
  },
});

Deno.test({
  name:
    "a removal stops the service, but not in a command of its own, and purge deletes the state",
  ignore: !isLinux,
  async fn() {
    const { removing, removed } = debScripts("piri-agent");
    await using root = await FakeRoot.make({ isJoined: true });
    const stop = "systemctl stop piri-agent.service";
    const pid = Deno.pid + 1_000_000;
    assertEquals((await root.run(removing, ["remove"], { pid })).lines, [stop]);
    assertEquals((await root.run(removing, ["upgrade"], { pid })).lines, [""]);
    const own = await root.run(removing, ["remove"], { isOwn: true });
    assertEquals([own.code, own.lines], [1, [""]]);
    assertMatch(
      own.stderr,
      /^Cannot remove piri-agent by a command of its own/,
    );

    const state = "var/lib/piri-agent/agent.yaml";
    const link =
      "etc/systemd/system/multi-user.target.wants/piri-agent.service";
    await root.run(removed, ["remove"]);
    assertEquals([await root.has(state), await root.has(link)], [true, true]);
    await root.run(removed, ["purge"]);
    assertEquals([await root.has(state), await root.has(link)], [false, false]);
  },
});

Deno.test({
  name:
    "the package of a Manager makes its user, and each script is one that a shell takes",
  ignore: !isLinux,
  async fn() {
    await using root = await FakeRoot.make();
    const { installed } = debScripts("piri-manager");
    const { lines } = await root.run(installed, ["configure", ""]);
    assertEquals(lines[0], "systemd-sysusers --root=ROOT piri-manager.conf");
    for (const name of ["piri-agent", "piri-manager"] as const) {
      for (const scripts of [debScripts(name), rpmScripts(name)]) {
        for (const script of Object.values(scripts)) {
          const { code } = await new Deno.Command("sh", {
            args: ["-n", "-c", script],
          }).output();
          assert(code === 0, script);
          // Piri's recipe for rpmbuild would expand it.
          assertEquals(script.includes("%"), false);
        }
      }
    }
  },
});
