import { anAgent, compilerOf } from "../memory_folder.ts";
const S = "- A: { type: nginx.Site, name: shop, port: 010 }\n";
const files: Record<string, string> = {
  good: `import type { CustomOperation } from "@piri/piri";
import { readFile } from "node:fs/promises";
import { helper } from "./lib/helper.ts";
const COMMON = { port: { type: "integer", description: "x" } } as const;
export const Site: CustomOperation<{ name: string; port?: number }> = {
  description: "Keeps " + "a site",
  parameters: { name: { type: "text", required: true, description: "Its name" }, ...COMMON },
  permissions: { check: { read: ["/etc/nginx"] }, change: { write: ["/etc/nginx"] } },
  async check({ name }: { name: string }) { return { changes: [] }; },
  change,
} satisfies unknown;
async function change() {}
`,
  enum: "enum A { x }\n",
  npm: 'import x from "npm:lodash";\nimport y from "lodash";\nexport const Site = { description: "", check() {}, change() {} };',
  syntax: "const a = ;\n",
  types: 'import { CustomOperation } from "@piri/piri";\nimport { type Q } from "./lib/helper.ts"; export const Site = {};',
  write: 'export const Site = { description: "d", parameters: {name: {type: "text", description: "x"}},\n permissions: { check: { write: true } }, check() {}, change() {} };',
  ffi: 'export const Site = { description: "d", parameters: {name: {type: "foo", description: "x"}},\n permissions: { change: { ffi: true } }, check() {}, change() {} };',
  dup: "export const Site = { check() {} };\nexport const Site = { check() {} };\n",
  call: 'export const Site = { description: make(), parameters: {}, check() {}, change() {} };',
  param: 'export const Site = { description: "x", parameters: { timeout: { type: "text", description: "x" } }, check() {}, change() {} };',
  other: "export const Other = 3; export const Sites = {description: 'x', parameters: {}, check() {}, change() {}}",
};
for (const [name, text] of Object.entries(files)) {
  console.log("=====", name);
  const c = compilerOf({ "states/all.yaml": S, "operations/nginx.ts": text, "operations/lib/helper.ts": "export const helper: number = 1;\n" });
  const r = await c.compile("", anAgent());
  for (const p of r.problems) console.log(c.format(p));
  if (r.sheet) { console.log(JSON.stringify(r.sheet, null, 1)); for (const b of r.blobs.values()) console.log(new TextDecoder().decode(b)); }
}
