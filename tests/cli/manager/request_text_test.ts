import { assertEquals } from "@std/assert";
import {
  exactRequestText,
  requestText,
} from "../../../lib/cli/manager/request_text.ts";
import { command } from "../fake_manager.ts";

function textOf(argv: readonly string[]): string {
  return requestText(command({ params: JSON.stringify({ argv }) }));
}

Deno.test("requestText() quotes the words that a shell would read otherwise", () => {
  const lines: [argv: string[], line: string][] = [
    [["uname", "-a"], "uname -a"],
    [["sh", "-c", "head -c 250 x"], "sh -c 'head -c 250 x'"],
    [["echo", "it's"], "echo 'it'\\''s'"],
    [["echo", ""], "echo ''"],
    [["echo", "$HOME", "*", "a;b", "~"], "echo '$HOME' '*' 'a;b' '~'"],
    [["cp", "/a/b-c_d.e", "x=1,y:z@h+%"], "cp /a/b-c_d.e x=1,y:z@h+%"],
    [["grüße"], "'grüße'"],
  ];

  assertEquals(lines.map(([argv]) => textOf(argv)), [
    ...lines.map(([, line]) => line),
  ]);
});

Deno.test("requestText() gives the line of a shell and the parameters of an operation as they are", () => {
  assertEquals(
    requestText(command({ params: '{"shell":"a | b c"}' })),
    "a | b c",
  );
  assertEquals(
    requestText(command({ operation: "file.Fetch", params: '{"path":"/a"}' })),
    'file.Fetch {"path":"/a"}',
  );
});

Deno.test("requestText() is never longer than a line, and never cuts a character", () => {
  const long = [
    textOf(Array(5_000).fill("word")),
    requestText(
      command({ params: JSON.stringify({ shell: "😀".repeat(300) }) }),
    ),
  ];

  assertEquals(long.map((text) => [...text].length), [200, 200]);
  assertEquals(long.map((text) => [...text].at(-1)), ["…", "…"]);
  assertEquals([...long[1] ?? ""][198], "😀");
});

Deno.test("requestText() of a put tells what goes where, and has no hash", () => {
  const tree = "ab".repeat(32);
  const put = (params: Record<string, unknown>, note = "") =>
    requestText({
      operation: "file.Put",
      params: JSON.stringify({ tree, ...params }),
      note,
    });

  assertEquals([
    put({ path: "/srv/site" }, "site (3 files, 1.2 MiB)"),
    put({ path: "/srv/a b" }),
    put(
      { path: "/etc/", mode: "0640", user: "app", group: "www" },
      "a (9 bytes)",
    ),
    put({
      path: "/etc/",
      group: "www",
      parents: true,
      delete: true,
      backup: true,
    }),
  ], [
    "put site (3 files, 1.2 MiB) to /srv/site",
    "put files to '/srv/a b'",
    "put a (9 bytes) to /etc/ --mode 0640 --owner app:www",
    "put files to /etc/ --group www --mkdir --delete --backup",
  ]);
});

Deno.test("exactRequestText() of a put has the hash of what was sent", () => {
  const params = `{"tree":"${"ab".repeat(32)}","path":"/a"}`;

  assertEquals(
    exactRequestText({ operation: "file.Put", params }),
    `file.Put ${params}`,
  );
});
