import type { FakePrograms } from "./fake_host.ts";
import { file } from "./host_with.ts";

/** Kernel that takes values by tee, and writes their blanks as tabs. */
export const FAKE_VALUES: FakePrograms = {
  tee: (host, [path = ""], { stdin = "" }) => {
    if (stdin.includes("wrong")) return 1;
    host.tree.set(path, file(`${stdin.replaceAll(" ", "\t")}\n`));
    return 0;
  },
};

/** Mark of a module that is loaded. */
export const STATE = "/sys/module/br_netfilter/initstate";

/** Kernel with modules, of which some are known. */
export const FAKE_MODULES: FakePrograms = {
  ...FAKE_VALUES,
  modprobe: (host, words) => {
    const name = words.at(-1) ?? "";
    const isKnown = ["br_netfilter", "br-netfilter"].includes(name);
    if (!isKnown || words.includes("-n")) return isKnown ? 0 : 1;
    if (words.includes("-r")) host.tree.delete(STATE);
    else {
      host.tree.set("/sys/module/br_netfilter", {
        kind: "folder",
        mode: 0o755,
        uid: 0,
        gid: 0,
      });
      host.tree.set(STATE, file("live\n"));
      host.tree.set("/proc/sys/net/bridge/x", file("0\n"));
    }
    if (words.includes("-r")) host.tree.delete("/sys/module/br_netfilter");
    return 0;
  },
};

/** File in which the fake kernel has its table of mounts. */
export const TABLE = "/fake/mountinfo";
export const ROOT = "1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n";

/** Kernel that keeps its table of mounts in a file of the fake host. */
export const FAKE_MOUNTS: FakePrograms = {
  cat: (host) => ({ stdout: host.tree.get(TABLE)?.text ?? "" }),
  mount: (host, words) => {
    const at = words.indexOf("-o");
    const options = (words[at + 1] ?? "").split(",");
    const text = host.tree.get(TABLE)?.text ?? "";
    const path = words.at(-1) ?? "";
    const rows = text.split("\n").filter((line) => line !== "");
    if (at >= 0 && options.includes("remount")) {
      const own = rows.findLastIndex((line) => line.split(" ")[4] === path);
      const [, , device, root] = rows[own]?.split(" ") ?? [];
      const [type, source] = rows[own]?.split(" - ")[1]?.split(" ") ?? [];
      rows[own] = rowOf({ device, root, path, type, source, options });
    } else {
      const type = words[words.indexOf("-t") + 1];
      const source = words.at(-2);
      if (source === "bad") return 32;
      rows.push(rowOf({
        device: "0:9",
        root: "/",
        path,
        type,
        source,
        options: at < 0 ? [] : options,
      }));
    }
    host.tree.set(TABLE, file(`${rows.join("\n")}\n`));
    return 0;
  },
  umount: (host, [path = ""]) => {
    if (path === "/busy") return 32;
    const rows = (host.tree.get(TABLE)?.text ?? "").split("\n");
    const own = rows.findLastIndex((line) => line.split(" ")[4] === path);
    rows.splice(own, 1);
    host.tree.set(TABLE, file(rows.join("\n")));
    return 0;
  },
  systemctl: () => 0,
};

function rowOf(
  { device, root, path, type, source, options }: {
    device: string | undefined;
    root: string | undefined;
    path: string;
    type: string | undefined;
    source: string | undefined;
    options: readonly string[];
  },
): string {
  const of = (...words: string[]) =>
    options.filter((each) => words.includes(each));
  const own = [
    options.includes("ro") ? "ro" : "rw",
    ...of("nosuid", "nodev", "noexec"),
    options.includes("noatime") ? "noatime" : "relatime",
  ];
  const size = options.filter((each) => each.startsWith("size="))
    .map((each) => each.replace(/(\d+)m$/, (_, m) => `${m * 1_024}k`));
  return `9 1 ${device} ${root} ${path} ${own.join(",")} - ${type} ${source} ${
    ["rw", ...size, "inode64"].join(",")
  }`;
}
