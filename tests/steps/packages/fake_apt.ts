import { FakeHost, type FakeNode, type FakePrograms } from "../fake_host.ts";

/** Host in memory whose apt knows one repository. */
export interface FakeApt {
  readonly host: FakeHost;
  /** Versions of what is installed, by name. */
  readonly installed: Map<string, string>;
  /** Newest versions of the repository, by name. */
  readonly available: Map<string, string>;
  /** Packages that a package needs, and those that it recommends. */
  readonly depends: Map<string, readonly string[]>;
  readonly recommends: Map<string, readonly string[]>;
  /** Packages of which a package needs one. */
  readonly needsOneOf: Map<string, readonly string[]>;
  /** Packages whose installation fails, once those before it are there. */
  readonly broken: Set<string>;
  /** Lines of all calls, also of those that only look. */
  readonly calls: string[];
  /** Table of the kernel's locks. */
  locks: string;
  /** Time at which the lists were read, in seconds since 1970; undefined if there are none. */
  listsReadAt: number | undefined;
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
    "apt-mark": () => 0,
    stat: (_, words) => ({
      stdout: words.includes("%Y") ? `${fake.listsReadAt}\n` : "77\n",
    }),
    find: () => ({ stdout: "/proc/12/fd/3\n" }),
    cat: (_, [path]) => ({
      stdout: path === "/proc/locks" ? fake.locks : "unattended-upgr\n",
    }),
  };
  const fake: FakeApt = {
    host: new FakeHost(tree, undefined, programs),
    installed: new Map(Object.entries(installed)),
    available: new Map(Object.entries(available)),
    depends: new Map(),
    recommends: new Map(),
    needsOneOf: new Map(),
    broken: new Set(),
    calls: [],
    locks: "",
    listsReadAt: undefined,
  };
  return fake;
}

/** Lines of the calls that change packages. */
export function transactionsOf({ calls }: FakeApt): readonly string[] {
  return calls.filter((call) => /^apt-get -y/.test(call))
    .map((call) => call.replace(/^.* (install|remove|purge|upgrade)\b/, "$1"));
}

/** Gives the host lists that were read at a time, in milliseconds since 1970. */
export function readLists(fake: FakeApt, at: number): void {
  fake.listsReadAt = Math.floor(at / 1_000);
  fake.host.tree.set("/var/lib/apt", FOLDER);
  fake.host.tree.set("/var/lib/apt/lists", FOLDER);
  fake.host.tree.set("/var/lib/apt/lists/test_Packages", FILE);
}

function aptGet(fake: FakeApt, words: readonly string[]) {
  if (words.includes("update")) {
    readLists(fake, fake.host.clock.now());
    return { stdout: "" };
  }
  const act = ["install", "remove", "purge", "upgrade"]
    .find((each) => words.includes(each));
  const moves = act === "remove" || act === "purge"
    ? removals(fake, namesIn(words))
    : act === "upgrade"
    ? upgrades(fake)
    : installations(fake, namesIn(words), words);
  if (typeof moves === "string") {
    return { code: 100, stderr: `E: Unable to locate package ${moves}\n` };
  }
  const lines = [...moves].map(([name, to]) => {
    const from = fake.installed.get(name);
    const now = from === undefined ? "" : ` [${from}]`;
    return to === undefined
      ? `Remv ${name}${now}\n`
      : `Inst ${name}${now} (${to} x [all])\n`;
  });
  const answer = { stdout: lines.join("") };
  if (words.includes("-s")) return answer;
  for (const [name, to] of moves) {
    if (fake.broken.has(name)) return { code: 100 };
    if (to === undefined) fake.installed.delete(name);
    else fake.installed.set(name, to);
  }
  return answer;
}

/** Packages as a transaction moves them, in its order; undefined for those that are removed. */
type Moves = ReadonlyMap<string, string | undefined>;

function namesIn(words: readonly string[]): readonly string[] {
  return words.slice(words.indexOf("--") + 1);
}

function removals(
  { installed, depends, needsOneOf }: FakeApt,
  names: readonly string[],
): Moves {
  const moves = new Map<string, undefined>();
  const remove = (name: string) => {
    if (!installed.has(name) || moves.has(name)) return;
    for (const [other, needs] of depends) {
      if (needs.includes(name)) remove(other);
    }
    moves.set(name, undefined);
  };
  names.forEach(remove);
  for (const [other, ones] of needsOneOf) {
    if (ones.every((one) => moves.has(one) || !installed.has(one))) {
      remove(other);
    }
  }
  return moves;
}

function upgrades({ installed, available }: FakeApt): Moves {
  return new Map(
    [...installed].flatMap(([name, from]) => {
      const to = available.get(name) ?? from;
      return to > from ? [[name, to] as const] : [];
    }),
  );
}

/** Moves of an installation, or the name of a package that there is none of. */
function installations(
  { installed, available, depends, recommends }: FakeApt,
  asked: readonly string[],
  words: readonly string[],
): Moves | string {
  const moves = new Map<string, string>();
  const isGenerous = words.includes("APT::Install-Recommends=true");
  const install = (word: string): string | undefined => {
    const [name = "", version] = word.split("=");
    const to = version ?? available.get(name);
    if (to === undefined) return name;
    if (moves.has(name)) return undefined;
    const needs = [
      ...depends.get(name) ?? [],
      ...isGenerous && !installed.has(name) ? recommends.get(name) ?? [] : [],
    ];
    for (const each of needs.filter((one) => !installed.has(one))) {
      const missing = install(each);
      if (missing !== undefined) return missing;
    }
    if (installed.get(name) !== to) moves.set(name, to);
    return undefined;
  };
  for (const word of asked) {
    const missing = install(word);
    if (missing !== undefined) return missing;
  }
  return moves;
}
