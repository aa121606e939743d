import { contentOfBytes } from "../../lib/steps/file_content.ts";
import type {
  FakeAnswer,
  FakeHost,
  FakeNode,
  FakePrograms,
  Tree,
} from "./fake_host.ts";

/** Unit of a fake systemd. */
export interface FakeUnit {
  active?: "active" | "inactive" | "failed" | "activating";
  sub?: string;
  result?: string;
  fileState?: string;
  load?: "loaded" | "masked" | "not-found";
  canReload?: boolean;
  /** Other names. */
  names?: readonly string[];
  source?: string;
  needs?: string;
  /** True if its start fails. */
  failsToStart?: boolean;
  /** Count of looks after its start until it ends. */
  diesAfter?: number;
  /** True if its manager starts it again after that. */
  comesBack?: boolean;
  /** True if its conditions are not met. */
  isUnmet?: boolean;
  /** True if it ends at once, without an error. */
  isOneshot?: boolean;
  /** Lines of its log. */
  log?: readonly string[];
  /** True if its manager forgets it while nothing needs it. */
  isForgotten?: boolean;
  starts?: number;
  /** Text of its files when they were read. */
  read?: string;
}

const FOLDERS = ["/etc/systemd/system", "/usr/lib/systemd/system"];
const FILE: FakeNode = { kind: "file", mode: 0o644, uid: 0, gid: 0, text: "" };
const FOLDER: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };

/** Small model of systemd: its units, and the programs that show and change them. */
export class FakeSystemd {
  readonly units: Map<string, FakeUnit>;
  /** Acts that changed something, in their order. */
  readonly acts: string[] = [];
  /** Units of the asking process, as the kernel tells. */
  ownUnit = "piri-agent.service";
  /** Count of questions for all units. */
  lists = 0;

  constructor(units: Readonly<Record<string, FakeUnit>> = {}) {
    this.units = new Map(
      Object.entries(units).map(([name, unit]) => [name, {
        ...unit.load === "not-found" ? {} : { read: textFor(unit) },
        ...unit,
      }]),
    );
  }

  /** Files of a host with this systemd, with a file for each unit. */
  get tree(): Tree {
    const tree: Tree = new Map();
    for (
      const path of [
        "/etc",
        "/etc/systemd",
        "/etc/systemd/system",
        "/run",
        "/run/systemd",
        "/run/systemd/system",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/lib/systemd",
        "/usr/lib/systemd/system",
      ]
    ) tree.set(path, FOLDER);
    tree.set("/usr/bin/systemctl", FILE);
    for (const [name, unit] of this.units) {
      if (unit.load === "not-found") continue;
      tree.set(`/usr/lib/systemd/system/${name}`, {
        ...FILE,
        text: textFor(unit),
      });
    }
    return tree;
  }

  get programs(): FakePrograms {
    return {
      systemctl: (host, words) => this.#systemctl(host, words),
      journalctl: (_, words) => ({ stdout: this.#log(words) }),
      cat: () => ({ stdout: `0::/system.slice/${this.ownUnit}\n` }),
      sha256sum: (host, [, ...paths]) => ({
        stdout: paths.flatMap((path) => {
          const text = host.tree.get(path)?.text;
          if (text === undefined) return [];
          const bytes = new TextEncoder().encode(text);
          return [`${contentOfBytes(bytes).sha256}  ${path}\n`];
        }).join(""),
      }),
      "systemd-analyze": (_, words) => words.at(-1) === "nonsense" ? 1 : 0,
    };
  }

  /** State of a unit, for comparisons. */
  stateOf(name: string): string {
    const { active = "inactive", fileState = "disabled", load = "loaded" } =
      this.units.get(name) ?? { load: "not-found" };
    return `${load} ${active} ${fileState}`;
  }

  #systemctl(
    host: FakeHost,
    words: readonly string[],
  ): number | FakeAnswer {
    const [act = "", ...rest] = words;
    if (act === "show") return { stdout: this.#show(host, rest) };
    if (act === "daemon-reload") return this.#reload(host);
    const name = this.#idOf(rest.at(-1) ?? "");
    this.#find(host, name);
    const unit = this.units.get(name);
    if (act === "is-enabled") return unit?.fileState === "generated" ? 0 : 1;
    if (unit === undefined && act !== "mask") return 5;
    // One whose file has gone can still be stopped.
    const needsFile = ["start", "restart", "enable"].includes(act);
    if (needsFile && unit?.load === "not-found") return 5;
    this.acts.push(`${act} ${name}`);
    switch (act) {
      case "start":
        return this.#start(host, name);
      case "restart":
        if (unit !== undefined) unit.active = "inactive";
        return this.#start(host, name);
      case "stop":
        Object.assign(unit ?? {}, { active: "inactive", sub: "dead" });
        return 0;
      case "reload":
        return unit?.active === "active" && unit.canReload === true ? 0 : 1;
      case "enable":
        if (unit?.load === "masked") return 1;
        return this.#setFile(host, name, "enabled");
      case "disable":
        return this.#setFile(host, name, "disabled");
      case "mask":
        this.units.set(name, { ...unit, load: "masked", fileState: "masked" });
        return 0;
      case "unmask":
        return this.#unmask(host, name);
      default:
        return 1;
    }
  }

  #unmask(host: FakeHost, name: string): number {
    const unit = this.units.get(name);
    const text = textOf(host, name);
    if (unit === undefined || text === "") this.units.delete(name);
    else {
      unit.load = "loaded";
      unit.fileState = stateBy(text);
    }
    return 0;
  }

  #setFile(host: FakeHost, name: string, state: string): number {
    const unit = this.units.get(name);
    if (unit === undefined) return 1;
    const { fileState = "disabled" } = unit;
    if (fileState === "enabled" || fileState === "disabled") {
      unit.fileState = state;
    }
    return this.#reload(host);
  }

  #start(host: FakeHost, name: string): number {
    const unit = this.units.get(name);
    if (unit === undefined || unit.load === "masked") return 1;
    if (unit.active === "active") return 0;
    const needed = this.units.get(unit.needs ?? "");
    if (needed !== undefined && this.#start(host, unit.needs ?? "") !== 0) {
      return 1;
    }
    unit.starts = (unit.starts ?? 0) + 1;
    unit.read ??= textOf(host, name);
    if (unit.failsToStart === true) {
      Object.assign(unit, { active: "failed", result: "exit-code" });
      return 1;
    }
    const isOver = unit.isOneshot === true || unit.isUnmet === true;
    unit.active = isOver ? "inactive" : "active";
    unit.sub = isOver ? "dead" : "running";
    return 0;
  }

  #reload(host: FakeHost): number {
    for (const [name, unit] of [...this.units]) {
      const text = textOf(host, name);
      const wasRead = unit.read;
      unit.read = text;
      if (text !== "" || unit.load === "masked" || wasRead === undefined) {
        unit.fileState = stateBy(text, unit.fileState);
      } else if (unit.active === "active") unit.load = "not-found";
      else this.units.delete(name);
    }
    return 0;
  }

  #show(host: FakeHost, words: readonly string[]): string {
    const which = words.at(-1) ?? "";
    if (which === "*") {
      this.lists++;
      return [...this.units].filter(([, unit]) =>
        unit.load !== "not-found" &&
        (unit.isForgotten !== true || unit.active === "active")
      ).map(([name]) => this.#lines(host, name)).join("\n");
    }
    const id = this.#idOf(which);
    this.#find(host, id);
    this.#age(id);
    return this.#lines(host, id);
  }

  /** A unit that was asked for ends when its time is over. */
  #age(name: string): void {
    const unit = this.units.get(name);
    if (unit?.diesAfter === undefined || unit.active !== "active") return;
    if (unit.diesAfter-- > 0) return;
    delete unit.diesAfter;
    if (unit.comesBack === true) unit.starts = (unit.starts ?? 0) + 1;
    else Object.assign(unit, { active: "failed", result: "exit-code" });
  }

  /** Takes up a unit whose file has been written. */
  #find(host: FakeHost, name: string): void {
    const text = textOf(host, name);
    // Settings beside a file that is not there make no unit.
    if (fileOf(host, name) === undefined || this.units.has(name)) return;
    this.units.set(name, {
      fileState: text.includes("[Install]") ? "disabled" : "static",
      read: text,
    });
  }

  #idOf(name: string): string {
    const found = [...this.units].find(([, { names = [] }]) =>
      names.includes(name)
    );
    return found?.[0] ?? name;
  }

  #lines(host: FakeHost, name: string): string {
    const unit = this.units.get(name);
    const known = unit?.load !== "not-found" ? unit : undefined;
    const {
      active = "inactive",
      sub = active === "active" ? "running" : "dead",
      fileState = "disabled",
      load = "loaded",
    } = known ?? { load: "not-found", fileState: "" };
    const text = textOf(host, name);
    const stale = known?.read !== undefined && known.read !== text;
    return [
      `Id=${name}`,
      `Names=${[name, ...known?.names ?? []].join(" ")}`,
      `LoadState=${load}`,
      `ActiveState=${active}`,
      `SubState=${sub}`,
      `Result=${known?.result ?? "success"}`,
      `ConditionResult=${known?.isUnmet === true ? "no" : "yes"}`,
      `UnitFileState=${fileState}`,
      `NeedDaemonReload=${stale ? "yes" : "no"}`,
      `CanReload=${known?.canReload === true ? "yes" : "no"}`,
      `FragmentPath=${fileOf(host, name) ?? ""}`,
      `SourcePath=${known?.source ?? ""}`,
      `DropInPaths=${dropIns(host, name).join(" ")}`,
      `InvocationID=${known?.starts === undefined ? "" : `run${known.starts}`}`,
      `Requires=${known?.needs ?? ""}`,
      "",
    ].join("\n");
  }

  #log(words: readonly string[]): string {
    const name = /^--unit=(.*)$/.exec(words.at(-1) ?? "")?.[1];
    const of = name === undefined
      ? [...this.units.values()].find(({ log }) => log !== undefined)
      : this.units.get(name);
    return (of?.log ?? []).map((line) => `${line}\n`).join("");
  }
}

/** Text of the file of a unit. */
function textFor({ fileState }: FakeUnit): string {
  return fileState === "static" ? "[Unit]\n" : "[Install]\n";
}

/** State of a unit's file once it has been read. */
function stateBy(text: string, before = "disabled"): string {
  const canBeEnabled = text.includes("[Install]");
  if (before === "static" && canBeEnabled) return "disabled";
  return before === "disabled" && !canBeEnabled ? "static" : before;
}

/** Path of the file of a unit. */
function fileOf(host: FakeHost, name: string): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`)
    .find((path) => host.tree.has(path));
}

/** Text of the files of a unit. */
function textOf(host: FakeHost, name: string): string {
  return [fileOf(host, name) ?? "", ...dropIns(host, name)].map((each) =>
    host.tree.get(each)?.text ?? ""
  ).join("");
}

function dropIns(host: FakeHost, name: string): string[] {
  const folder = `/etc/systemd/system/${name}.d/`;
  return [...host.tree.keys()].filter((path) => path.startsWith(folder));
}
