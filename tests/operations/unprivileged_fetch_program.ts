// An agent's file.Fetch without root's rights; in a program of its own, because it stays so until its end.
// deno-lint-ignore-file no-console
import { createHash } from "node:crypto";
import { messageOf } from "../../lib/base/errors.ts";
import { fileFetch } from "../../lib/operations/file_fetch.ts";
import { checkParams } from "../../lib/operations/params.ts";
import { finish, newContext } from "./support.ts";

/** User and group without rights of their own. */
const NOBODY = 65_534;

const libc = Deno.dlopen("libc.so.6", {
  setgroups: { parameters: ["usize", "pointer"], result: "i32" },
  setgid: { parameters: ["u32"], result: "i32" },
  setuid: { parameters: ["u32"], result: "i32" },
});
libc.symbols.setgroups(0n, null);
libc.symbols.setgid(NOBODY);
libc.symbols.setuid(NOBODY);

const content = new TextEncoder().encode("new");
const sha256 = createHash("sha256").update(content).digest("hex");
const context = newContext({
  text: () => Promise.resolve(JSON.stringify({ size: 3, sha256 })),
  bytes: () => Promise.resolve(content.slice()),
});
for (const params of Deno.args) {
  const message = await finish(
    fileFetch.run(checkParams(fileFetch, params), context),
  ).then(({ outcome }) => outcome.message, messageOf);
  console.log(message);
}
