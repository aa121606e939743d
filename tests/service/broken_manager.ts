import { build, ROOT } from "../../scripts/build/build.ts";
import { manager } from "../../scripts/build/product.ts";
import { hostTarget } from "../../scripts/build/target.ts";
import { SourceCopy } from "../../scripts/threats/copy.ts";

/** File in the state folder that tells a Manager of `buildBroken` how to fail. */
export const FAULT = "fault";

/** Changes of the sources: another schema, and a way to fail at each step of a start. */
const CHANGES: readonly [path: string, from: string, to: string][] = [
  [
    "lib/store/migrate.ts",
    "  outputSegments,\n];",
    '  outputSegments,\n  "ALTER TABLE meta ADD COLUMN later INTEGER",\n];',
  ],
  [
    "lib/manager_services.ts",
    "    await using manager = await serveManager({\n      trial: trial?.isOn === true ? trial : undefined,\n",
    `    const fault = async (name: string) => {
      const path = \`\${dir}/${FAULT}\`;
      const text = await Deno.readTextFile(path).catch(() => "");
      return text.trim() === name;
    };
    if (await fault("throws")) throw new TypeError("it does not work");
    setInterval(() => void fault("dies").then((is) => is && Deno.exit(1)), 100);
    await using manager = await serveManager({
      trial: trial?.isOn === true ? {
        schema: trial.schema,
        async opens(agents: number) {
          if (await fault("throws late")) throw new TypeError("it breaks late");
          while (await fault("deaf")) {
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
          await trial.opens(agents);
        },
      } : undefined,
`,
  ],
];

/** Builds a Manager that changes the schema of its database, and fails as a file in its state folder says. */
export async function buildBroken(out: string, version: string): Promise<void> {
  await using copy = await SourceCopy.make();
  for (const [path, from, to] of CHANGES) {
    const text = await Deno.readTextFile(`${copy.path}/${path}`);
    if (!text.includes(from)) throw new TypeError(`${path} has no ${from}`);
    await Deno.writeTextFile(
      `${copy.path}/${path}`,
      text.replace(from, () => to),
    );
  }
  await buildManager(out, version, copy.path);
}

/** Builds the Manager of these sources as another version. */
export async function buildManager(
  out: string,
  version: string,
  root = ROOT,
): Promise<void> {
  await build([manager], {
    targets: [hostTarget()],
    denort: "auto",
    out,
    root,
    stamps: { version },
    nameOf: () => "piri-manager",
    say: () => {},
  });
}
