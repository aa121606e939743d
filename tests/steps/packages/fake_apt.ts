import { FakeHost, type FakeNode, type FakePrograms } from "../fake_host.ts";

/** Host in memory whose apt knows one repository. */
export interface FakeApt {
  readonly host: FakeHost;
  /** Versions of what is installed, by name. */
  readonly installed: Map<string, string>;
  /** Newest versions of the repository, by name. */
  readonly available: Map<string, string>;
  /** Lines of all calls, also of those that only look. */
  readonly calls: string[];
  /** Table of the kernel's locks. */
  locks: string;
}

const FOLDER: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };
const FILE: FakeNode = { ...FOLDER, kind: "file", text: "" };

export function fakeApt(
  installed: Record<string, string>,
  available: Record<string, string>,
): FakeApt {
  const tree = new Map([
    ...["/etc", "/usr", "/usr/bin", "/var", "/var/lib", "/var/lib/dpkg"]
      .map((path) => [path, FOLDER] as const),
    ["/etc/os-release", { ...FILE, text: "ID=debian\n" }],
    ["/usr/bin/apt-get", FILE],
    ["/var/lib/dpkg/lock-frontend", FILE],
  ]);
  const programs: FakePrograms = {
    "dpkg-query": () => {
      fake.calls.push("dpkg-query");
      const stdout = [...fake.installed].map(([name, version]) =>
        `${name}\tall\t${version}\tinstall\tinstalled\tno\t\n`
      ).join("");
      return { stdout };
    },
    "apt-get": (_, words) => {
      fake.calls.push(`apt-get ${words.join(" ")}`);
      return aptGet(fake, words);
    },
    stat: () => ({ stdout: "77\n" }),
    find: () => ({ stdout: "/proc/12/fd/3\n" }),
    cat: (_, [path]) => ({
      stdout: path === "/proc/locks" ? fake.locks : "unattended-upgr\n",
    }),
  };
  const fake: FakeApt = {
    host: new FakeHost(tree, undefined, programs),
    installed: new Map(Object.entries(installed)),
    available: new Map(Object.entries(available)),
    calls: [],
    locks: "",
  };
  return fake;
}

function aptGet(fake: FakeApt, words: readonly string[]) {
  const names = words.slice(words.indexOf("--") + 1);
  const isRemoval = words.includes("remove");
  const lines: string[] = [];
  for (const word of names) {
    const [name = "", asked] = word.split("=");
    const from = fake.installed.get(name);
    const to = asked ?? fake.available.get(name);
    if (!isRemoval && to === undefined) {
      return { code: 100, stderr: `E: Unable to locate package ${name}\n` };
    }
    if (isRemoval && from !== undefined) lines.push(`Remv ${name} [${from}]`);
    if (!isRemoval && from !== to) {
      lines.push(
        `Inst ${name}${from === undefined ? "" : ` [${from}]`} (${to} x [all])`,
      );
    }
    if (words.includes("-s")) continue;
    if (isRemoval) fake.installed.delete(name);
    else fake.installed.set(name, to ?? "");
  }
  return { stdout: lines.map((line) => `${line}\n`).join("") };
}
