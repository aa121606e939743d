import fc from "fast-check";
import type {
  Sheet,
  SheetCondition,
  SheetStep,
} from "../../lib/steps/sheet.ts";
import type { FakeNode, Tree } from "./fake_host.ts";

const FOLDERS = ["/a", "/b", "/a/c"];
const FILES = ["/f", "/a/f", "/a/c/f", "/b/f"];
const LINKS = ["/l", "/b/l"];
const PATHS = [...FOLDERS, ...FILES, ...LINKS];
const TEXTS = ["", "one\n", "one\ntwo\n", "two", "#a\nb=1\n"];
const MODES = [0o600, 0o644, 0o755];
const USERS = ["root", "33", "1000"];

const folderMode = fc.constantFrom(0o700, 0o755, 0o2755);
const owner = fc.constantFrom(0, 33, 1000);
const text = fc.constantFrom(...TEXTS);

/** Host before a run: some of a few paths, each with anything. */
export const anyTree: fc.Arbitrary<Tree> = fc.record({
  folders: fc.subarray(FOLDERS),
  nodes: fc.uniqueArray(
    fc.record({
      path: fc.constantFrom(...PATHS),
      isLink: fc.boolean(),
      mode: fc.constantFrom(...MODES),
      uid: owner,
      gid: owner,
      text,
      target: fc.constantFrom("/a", "f", "/nowhere", "/b/f"),
    }),
    { selector: ({ path }) => path, maxLength: 6 },
  ),
  mode: folderMode,
}).map(({ folders, nodes, mode }) => {
  const tree: Tree = new Map();
  for (const path of folders) {
    if (path === "/a/c" && !tree.has("/a")) continue;
    tree.set(path, { kind: "folder", mode, uid: 0, gid: 33 });
  }
  for (const { path, isLink, mode, uid, gid, text, target } of nodes) {
    const above = path.slice(0, path.lastIndexOf("/"));
    if (
      tree.has(path) || (above !== "" && tree.get(above)?.kind !== "folder")
    ) {
      continue;
    }
    const node: FakeNode = isLink
      ? { kind: "link", mode: 0o777, uid: 0, gid: 0, target }
      : { kind: "file", mode, uid, gid, text };
    tree.set(path, node);
  }
  return tree;
});

/** The same without two paths that lead to one file. */
export const anyPlainTree: fc.Arbitrary<Tree> = anyTree.map((tree) => {
  const plain: Tree = new Map(tree);
  for (const [path, node] of tree) {
    if (node.kind !== "link" || LINKS.includes(path)) continue;
    if (FOLDERS.includes(path)) plain.delete(path);
    else {
      const target = `/at${path.replaceAll("/", "-")}`;
      plain.set(path, { ...node, target });
    }
  }
  return plain;
});

const attributes = fc.record({
  user: fc.constantFrom(...USERS),
  group: fc.constantFrom(...USERS),
  mode: fc.constantFrom(...MODES, 0o2755),
}, { requiredKeys: [] });

type Raw = Pick<SheetStep, "operation" | "params">;

function installed(paths: readonly string[]): fc.Arbitrary<Raw> {
  return fc.record({
    path: fc.constantFrom(...paths),
    content: text,
    more: fc.record({
      backup: fc.boolean(),
      overwrite: fc.boolean(),
      follow: fc.boolean(),
      parents: fc.boolean(),
    }, { requiredKeys: [] }),
    attributes,
  }).map(({ path, content, more, attributes }) => ({
    operation: "file.Installed",
    params: { path, content, ...more, ...attributes },
  }));
}

function edited(paths: readonly string[]): fc.Arbitrary<Raw> {
  const where = fc.constantFrom("start", "end");
  return fc.oneof(
    fc.record({
      path: fc.constantFrom(...paths),
      line: fc.constantFrom("one", "b=2", "new"),
      match: fc.constantFrom(undefined, "^(b=|one|new)"),
      absent: fc.boolean(),
      create: fc.boolean(),
      where,
    }).map((params) => ({ operation: "file.Line", params: defined(params) })),
    fc.record({
      path: fc.constantFrom(...paths),
      content: text,
      absent: fc.boolean(),
      create: fc.boolean(),
      where,
    }).map((params) => ({ operation: "file.Block", params: defined(params) })),
  );
}

function defined(
  params: Readonly<Record<string, string | boolean | undefined>>,
): Raw["params"] {
  return JSON.parse(JSON.stringify(params));
}

function dir(paths: readonly string[]): fc.Arbitrary<Raw> {
  return fc.record({
    path: fc.constantFrom(...paths),
    parents: fc.boolean(),
    recurse: fc.subarray(["user", "group", "mode"]),
    clean: fc.boolean(),
    attributes,
  }).map(({ attributes, ...params }) => ({
    operation: "file.Dir",
    params: { ...params, ...attributes },
  }));
}

function linked(paths: readonly string[]): fc.Arbitrary<Raw> {
  return fc.record({
    path: fc.constantFrom(...paths),
    target: fc.constantFrom("/a", "/b/f", "f", "/nowhere"),
  }).map((params) => ({ operation: "file.Symlinked", params }));
}

function absent(paths: readonly string[]): fc.Arbitrary<Raw> {
  return fc.record({ path: fc.constantFrom(...paths), recurse: fc.boolean() })
    .map((params) => ({ operation: "file.Absent", params }));
}

/** Programs, some with guards. After them anything may be so. */
const command: fc.Arbitrary<Raw> = fc.record({
  shell: fc.constantFrom("put /f one", "put /a/f two", "true", "false"),
  creates: fc.constantFrom("/f", "/a/f"),
  unless: fc.constantFrom("true", "false", "exists /f"),
  changes: fc.boolean(),
}, { requiredKeys: ["shell"] }).map((params) => ({
  operation: "command.Run",
  params: { ...params },
}));

const condition = (index: number): fc.Arbitrary<SheetCondition> =>
  fc.oneof(
    fc.record({
      kind: fc.constant("path" as const),
      is: fc.constantFrom("exists", "isfile", "isdir", "islink" as const),
      path: fc.constantFrom(...PATHS),
    }) as fc.Arbitrary<SheetCondition>,
    fc.subarray([...Array(index).keys()]).map((steps) =>
      ({ kind: "changed", steps }) as const
    ),
    fc.subarray([...Array(index).keys()]).map((steps) =>
      ({ kind: "not", of: { kind: "changed", steps } }) as const
    ),
  );

const fileStep = fc.oneof(
  installed(PATHS),
  edited(FILES),
  dir(PATHS),
  linked(PATHS),
  absent(PATHS),
);

function sheetOfAny(step: fc.Arbitrary<Raw>): fc.Arbitrary<Sheet> {
  return fc.array(step, { minLength: 1, maxLength: 6 }).chain((steps) =>
    fc.tuple(...steps.map((step, index) =>
      fc.record({
        if: condition(index),
        require: fc.subarray([...Array(index).keys()]),
        continue: fc.constant(true as const),
      }, { requiredKeys: [] }).map((keys) => ({
        ...keys,
        ...step,
        name: `${step.operation} #${index}`,
      }))
    ))
  ).map((steps) => ({ format: 1, state: "", steps }));
}

/** Sheet of any steps, which may undo each other, or fail. */
export const anySheet = sheetOfAny(fc.oneof(fileStep, command));

/** The same without programs. */
export const anyFileSheet = sheetOfAny(fileStep);

/** Listeners of every step before them: they act when one of these has changed. */
const LISTENERS = 2;

/**
 * Sheet whose steps want different paths and agree with each other, so that nothing is left to do after it. Its last
 * steps react to the changes of others.
 */
export const anyAgreeing: fc.Arbitrary<Sheet> = fc.record({
  folders: fc.subarray(FOLDERS),
  attributes: fc.array(attributes, { minLength: 3, maxLength: 3 }),
  files: fc.array(installed(FILES), { maxLength: 4 }),
  edits: fc.array(edited(FILES), { maxLength: 2 }),
  links: fc.array(linked(LINKS), { maxLength: 2 }),
  gone: fc.array(absent([...FILES, ...LINKS]), { maxLength: 3 }),
  reacts: fc.array(fc.nat(20), { minLength: LISTENERS, maxLength: LISTENERS }),
}).map(({ folders, attributes, files, edits, links, gone, reacts }) => {
  const steps: Raw[] = folders.map((path, index) => ({
    operation: "file.Dir",
    params: { path, parents: true, ...attributes[index] },
  }));
  const taken = new Set<string>();
  for (const step of [...files, ...edits, ...links, ...gone]) {
    const path = String(step.params["path"]);
    if (taken.has(path)) continue;
    taken.add(path);
    steps.push({ ...step, params: { ...step.params, ...calm(step) } });
  }
  const count = steps.length;
  const listeners = reacts.map((seed, index) => ({
    operation: "test.Listener",
    params: { name: `listener ${index}` },
    onchanges: [...Array(count).keys()].filter((each) =>
      (each + seed) % (index + 2) === 0
    ),
  }));
  return {
    format: 1,
    state: "web",
    steps: [...steps, ...listeners].map((step, index) => ({
      name: `${step.operation} #${index}`,
      ...step,
    })),
  };
});

/** Parameters that keep a step from undoing another. */
function calm({ operation }: Raw): Raw["params"] {
  return operation === "file.Installed"
    ? { parents: true, follow: false, backup: false }
    : {};
}
