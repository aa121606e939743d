import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../scripts/build/build.ts";

const PINNED = (await Deno.readTextFile(join(ROOT, ".deno-version"))).trim();
const ignore = Deno.build.os === "windows";

/** Programs on the PATH that only say who they are and what they were given; nothing else is on it. */
async function fakePath(programs: { deno?: string; npx?: boolean }) {
  const folder = await Deno.makeTempDir();
  async function add(name: string, script: string) {
    await Deno.writeTextFile(join(folder, name), `#!/bin/sh\n${script}\n`, {
      mode: 0o755,
    });
  }
  const answer = `for word; do printf '[%s]' "$word"; done; exit 7`;
  if (programs.deno !== undefined) {
    const version =
      `if [ "$1" = -V ]; then echo "deno ${programs.deno}"; exit; fi`;
    await add("deno", `${version}; printf 'path:'; ${answer}`);
  }
  if (programs.npx) {
    await add("fetched", `printf 'npx:'; ${answer}`);
    await add(
      "npx",
      `case "$*" in *" deno@${PINNED} "*) echo "${folder}/fetched";; esac`,
    );
  }
  return {
    folder,
    /** Runs the wrapper as somebody who stands in that folder would. */
    async run(
      args: string[],
      { script = join(ROOT, "scripts/deno"), env = {} } = {},
    ) {
      const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
        args: [script, ...args],
        cwd: folder,
        clearEnv: true,
        env: { PATH: folder, ...env },
      }).output();
      const text = new TextDecoder();
      return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test({
  name: "the wrapper passes arguments and the exit code through unchanged",
  ignore,
  async fn() {
    await using path = await fakePath({ deno: PINNED });

    const { code, stdout } = await path.run(["eval", "a b", "", '$x "q" *']);

    assertEquals(stdout, 'path:[eval][a b][][$x "q" *]');
    assertEquals(code, 7);
  },
});

Deno.test({
  name: "the wrapper refuses arguments that are not UTF-8 in a sentence",
  ignore,
  async fn() {
    await using path = await fakePath({ deno: PINNED });
    const wrapper = join(ROOT, "scripts/deno");
    const runWith = async (format: string) => {
      const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
        args: ["-c", `exec "$1" eval "$(printf '${format}')"`, "sh", wrapper],
        clearEnv: true,
        env: { PATH: `${path.folder}:/usr/bin:/bin` },
      }).output();
      const text = new TextDecoder();
      return [code, text.decode(stdout), text.decode(stderr)];
    };

    assertEquals(await runWith("caf\\351.txt"), [
      2,
      "",
      "scripts/deno: Cannot run: an argument is not UTF-8 text; give such bytes in a file or as base64\n",
    ]);
    assertEquals(await runWith("caf\\303\\251\\t\\001\\n."), [
      7,
      "path:[eval][caf\u00e9\t\u0001\n.]",
      "",
    ]);
  },
});

Deno.test({
  name:
    "the wrapper takes a newer Deno for a demo, but not for tests, the build or CI",
  ignore,
  async fn() {
    await using path = await fakePath({ deno: "2.10.1", npx: true });

    const demo = await path.run(["task", "demo"]);
    const test = await path.run(["task", "test"]);
    const build = await path.run(["task", "build"]);
    const ci = await path.run(["task", "demo"], { env: { CI: "true" } });

    assertEquals(demo.stdout, "path:[task][demo]");
    assertEquals(test.stdout, "npx:[task][test]");
    assertEquals(build.stdout, "npx:[task][build]");
    assertEquals(ci.stdout, "npx:[task][demo]");
  },
});

Deno.test({
  name: "the wrapper takes exactly the pinned Deno for tests",
  ignore,
  async fn() {
    await using path = await fakePath({ deno: PINNED, npx: true });

    const { stdout } = await path.run(["task", "test"]);

    assertEquals(stdout, "path:[task][test]");
  },
});

for (const version of ["1.46.3", "2.6.9", "nonsense"]) {
  Deno.test({
    name: `the wrapper passes over a Deno that calls itself ${version}`,
    ignore,
    async fn() {
      await using path = await fakePath({ deno: version, npx: true });

      const { stdout } = await path.run(["task", "demo"]);

      assertEquals(stdout, "npx:[task][demo]");
    },
  });
}

Deno.test({
  name: "the wrapper works through a symbolic link",
  ignore,
  async fn() {
    await using path = await fakePath({ deno: PINNED });
    await Deno.symlink("/usr/bin/readlink", join(path.folder, "readlink"));
    await Deno.symlink(join(ROOT, "scripts/deno"), join(path.folder, "one"));
    await Deno.symlink("one", join(path.folder, "two"));

    const { stdout } = await path.run(["eval"], { script: "two" });

    assertEquals(stdout, "path:[eval]");
  },
});

Deno.test({
  name: "the wrapper says what it needs where there is neither Deno nor npx",
  ignore,
  async fn() {
    await using path = await fakePath({});

    const test = await path.run(["task", "test"]);
    const demo = await path.run(["task", "demo"]);

    assertEquals(test.code, 127);
    assertStringIncludes(
      test.stderr,
      `needs Deno ${PINNED} (https://deno.com)`,
    );
    assertStringIncludes(demo.stderr, "needs Deno 2.7 or newer");
  },
});

Deno.test({
  name: "the wrapper trusts the system's certificates, unless told otherwise",
  ignore,
  async fn() {
    await using path = await fakePath({ deno: PINNED });
    await Deno.writeTextFile(
      join(path.folder, "deno"),
      `#!/bin/sh\n[ "$1" = -V ] && echo "deno ${PINNED}" || echo "$DENO_TLS_CA_STORE"\n`,
    );

    const byDefault = await path.run(["eval"]);
    const told = await path.run(["eval"], {
      env: { DENO_TLS_CA_STORE: "mozilla" },
    });

    assertEquals(byDefault.stdout, "system,mozilla\n");
    assertEquals(told.stdout, "mozilla\n");
  },
});
