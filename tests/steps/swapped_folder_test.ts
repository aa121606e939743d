import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { setOwner } from "../../lib/files/host_files.ts";
import { noGuard } from "../../lib/operations/guard.ts";
import { placeToWrite } from "../../lib/operations/place_to_write.ts";
import { stepHost } from "../../lib/operations/step_host.ts";
import { contentOfBytes } from "../../lib/steps/file_content.ts";
import type { HostWriter } from "../../lib/steps/host/host.ts";
import { NO_FORECAST } from "../../lib/steps/no_forecast.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import { newContext } from "../operations/support.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { realTree } from "./real_tree.ts";

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;
const label = isRoot ? "" : " (needs root on Linux)";
const ANNA = 1000;

/** Folder of a user, and a folder of root with the same names in it, which the user would like to have. */
async function twoFolders() {
  const folder = await TempFolder.make();
  const app = folder.at("home", "app");
  const outside = folder.at("outside");
  await Deno.chmod(folder.path, 0o755);
  for (const place of ["home/app", "outside"]) {
    await folder.write(`${place}/conf`, "old\n");
    await folder.write(`${place}/sub/deep`, "deep\n");
    await Deno.symlink("conf", folder.at(place, "link"));
  }
  const own = (path: string) => setOwner(path, ANNA, ANNA);
  for (const each of ["home", "home/app", "home/app/sub"]) own(folder.at(each));
  return {
    app,
    outside,
    before: await realTree(outside),
    after: () => realTree(outside),
    swap: () => {
      Deno.renameSync(app, `${app}.old`);
      Deno.symlinkSync(outside, app);
      own(app);
    },
    own,
    host: stepHost(newContext()),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Writer that lets something happen before its call with a number, counted with the pieces of what it writes. */
function disturbed(
  writer: HostWriter,
  at: number,
  happen: () => void,
): { readonly writer: HostWriter; readonly calls: () => number } {
  let calls = 0;
  const count = () => {
    if (calls++ === at) happen();
  };
  const proxy = new Proxy(writer, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        count();
        const [path, content, ...rest] = given;
        if (name !== "writeFile") return value.apply(target, given);
        const { pieces, ...parts } = content as ReturnType<
          typeof contentOfBytes
        >;
        const slow = {
          ...parts,
          async *pieces() {
            count();
            yield* pieces();
            count();
          },
        };
        return value.call(target, path, slow, ...rest);
      };
    },
  });
  return { writer: proxy, calls: () => calls };
}

const STEPS: Readonly<Record<string, (app: string) => object>> = {
  "file.Dir": (app) => ({
    path: app,
    user: "root",
    mode: 0o700,
    recurse: ["user", "mode"],
  }),
  "file.Installed": (app) => ({
    path: join(app, "new/conf"),
    content: "new\n",
    user: "1000",
    mode: 0o777,
    parents: true,
  }),
  "file.Installed that follows": (app) => ({
    path: join(app, "link"),
    content: "new\n",
    follow: true,
  }),
  "file.Line": (app) => ({ path: join(app, "conf"), line: "more" }),
  "file.Block": (app) => ({ path: join(app, "conf"), content: "more" }),
  "file.Symlinked": (app) => ({ path: join(app, "link"), target: "/new" }),
  "file.Absent": (app) => ({ path: join(app, "sub"), recurse: true }),
};

for (const [name, paramsFor] of Object.entries(STEPS)) {
  Deno.test({
    name:
      `${name} writes nothing outside if the folder becomes a link at any call${label}`,
    ignore: !isRoot,
    async fn() {
      const operation = stepOperations.find((each) =>
        name.startsWith(each.name)
      );
      assert(operation !== undefined);

      let calls = Infinity;
      for (let at = 0; at < calls; at++) {
        await using folders = await twoFolders();
        const { app, host, swap } = folders;
        const params = paramsFor(app);
        const { signal } = new AbortController();
        const check = await operation.check(
          params,
          host.reader(signal),
          NO_FORECAST,
        );
        assertEquals(check.verdict, "change");
        const real = host.writer(signal, () => Promise.resolve());
        const ours = disturbed(real, at, swap);

        await Promise.resolve(operation.change(params, check, ours.writer))
          .catch((error) => assert(error instanceof PiriError, error.stack));

        calls = ours.calls();
        assertEquals(await folders.after(), folders.before, `call ${at}`);
      }
      assert(calls > 0);
    },
  });
}

Deno.test({
  name: `a new file's owner is not given to what takes its name${label}`,
  ignore: !isRoot,
  async fn() {
    for (const how of ["link", "hard link"] as const) {
      await using folders = await twoFolders();
      const { app, outside, host, own } = folders;
      const target = join(outside, "conf");
      const writer = host.writer(
        new AbortController().signal,
        () => Promise.resolve(),
      );
      const { pieces, ...rest } = contentOfBytes(new Uint8Array([1]));
      const content = {
        ...rest,
        async *pieces() {
          yield* pieces();
          const temporary = [...Deno.readDirSync(app)]
            .find((each) => each.name.startsWith(".piri-"))?.name ?? "";
          Deno.removeSync(join(app, temporary));
          if (how === "link") Deno.symlinkSync(target, join(app, temporary));
          else Deno.linkSync(target, join(app, temporary));
          if (how === "link") own(join(app, temporary));
        },
      };
      const { mode, uid } = await Deno.lstat(target);

      await assertRejects(
        () =>
          writer.writeFile(join(app, "conf"), content, {
            attributes: { mode: 0o666, uid: ANNA, gid: ANNA },
          }),
        PiriError,
        "replaced by something else",
      );

      const after = await Deno.lstat(target);
      assertEquals([after.mode, after.uid], [mode, uid]);
    }
  },
});

Deno.test({
  name: `a folder is found by links of root and by a user's to its own${label}`,
  ignore: !isRoot,
  async fn() {
    await using folders = await twoFolders();
    const { app, outside, own } = folders;
    const home = join(app, "..");
    const byRoot = join(outside, "..", "by-root");
    await Deno.symlink("home/app", byRoot);
    await Deno.symlink("app", join(home, "mine"));
    await Deno.symlink(outside, join(home, "theirs"));
    for (const name of ["mine", "theirs"]) own(join(home, name));
    const write = (path: string) =>
      placeToWrite(path, { guard: noGuard, parents: true })
        [Symbol.dispose]();

    write(join(byRoot, "a"));
    write(join(home, "mine", "a"));

    for (const path of ["theirs/a", "theirs/new/a"]) {
      await assertRejects(
        // deno-lint-ignore require-await
        async () => write(join(home, path)),
        PiriError,
        `user ${ANNA} can change the link "${join(home, "theirs")}"`,
      );
    }
    assertEquals(await folders.after(), folders.before);
  },
});
