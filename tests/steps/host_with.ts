import { FakeHost, type FakeNode, type FakePrograms } from "./fake_host.ts";

const FOLDER: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };

export function file(text: string): FakeNode {
  return { kind: "file", mode: 0o644, uid: 0, gid: 0, text };
}

/** Linux host with these files and links. */
export function hostWith(
  files: Readonly<Record<string, string>>,
  programs: FakePrograms = {},
): FakeHost {
  const tree = new Map<string, FakeNode>();
  const all = { "/etc/os-release": "", ...files };
  for (const path of Object.keys(all)) {
    const names = path.split("/").slice(1, -1);
    names.forEach((_, at) =>
      tree.set(`/${names.slice(0, at + 1).join("/")}`, FOLDER)
    );
  }
  for (const [path, text] of Object.entries(all)) {
    tree.set(
      path,
      text.startsWith("-> ")
        ? { kind: "link", mode: 0o777, uid: 0, gid: 0, target: text.slice(3) }
        : file(text),
    );
  }
  return new FakeHost(tree, undefined, programs);
}
