import { join } from "@std/path";
import type {
  Sheet,
  SheetCondition,
  SheetValue,
} from "../../lib/steps/sheet.ts";
import type { FakeNode, Tree } from "./fake_host.ts";

/** Makes a tree of a fake host in a real folder. */
export function makeReal(tree: Tree, root: string): void {
  for (const [path, node] of [...tree].toSorted()) {
    const at = join(root, path);
    if (node.kind === "folder") Deno.mkdirSync(at, { recursive: true });
    if (node.kind === "file") Deno.writeTextFileSync(at, node.text ?? "");
    if (node.kind === "link") Deno.symlinkSync(realTarget(node, root), at);
    if (node.kind === "link") continue;
    Deno.chownSync(at, node.uid, node.gid);
    Deno.chmodSync(at, node.mode);
  }
}

function realTarget({ target = "" }: FakeNode, root: string): string {
  return target.startsWith("/") ? join(root, target) : target;
}

/** Tree of a real folder as a fake host has it. */
export function readReal(root: string): [string, FakeNode][] {
  const found: [string, FakeNode][] = [];
  const visit = (path: string) => {
    for (const { name } of Deno.readDirSync(join(root, path))) {
      const each = join(path, name);
      const info = Deno.lstatSync(join(root, each));
      const node = {
        mode: (info.mode ?? 0) & 0o7777,
        uid: info.uid ?? 0,
        gid: info.gid ?? 0,
      };
      if (info.isSymlink) {
        const target = Deno.readLinkSync(join(root, each)).replace(root, "");
        // The group of a link is that of its folder, and means nothing.
        found.push([each, { ...node, gid: 0, kind: "link", target }]);
      } else if (info.isFile) {
        const text = Deno.readTextFileSync(join(root, each));
        found.push([each, { ...node, kind: "file", text }]);
      } else {
        found.push([each, { ...node, kind: "folder" }]);
        visit(each);
      }
    }
  };
  visit("/");
  return found.toSorted(([one], [other]) => one < other ? -1 : 1);
}

/** The same sheet for a host whose root is a folder. */
export function movedTo(root: string, sheet: Sheet): Sheet {
  const place = (value: SheetValue | undefined, key: string) =>
    typeof value === "string" && value.startsWith("/") &&
      (key === "path" || key === "target")
      ? join(root, value)
      : value ?? null;
  const condition = (each: SheetCondition): SheetCondition =>
    each.kind === "path" ? { ...each, path: join(root, each.path) } : each;
  return {
    ...sheet,
    steps: sheet.steps.map((step) => ({
      ...step,
      params: Object.fromEntries(
        Object.entries(step.params).map(([key, value]) => [
          key,
          place(value, key),
        ]),
      ),
      ...step.if === undefined ? {} : { if: condition(step.if) },
    })),
  };
}
