import { join, toFileUrl } from "@std/path";
import { ROOT } from "../scripts/build/build.ts";
import { fromSource, type Programs } from "../scripts/local/programs.ts";

/** Modules of the audit, and the stub that takes the place of each. */
const STUBS = {
  "lib/store/audit.ts": "bench/no_audit.ts",
  "lib/manager/audit/audit_entry.ts": "bench/no_audit_entry.ts",
} as const;

/**
 * Programs from source whose Manager writes no audit. A Manager has no setting for that, so Deno is told to load stubs.
 *
 * @param folder Folder for the configuration that names the stubs.
 */
export async function unaudited(folder: string): Promise<Programs> {
  const path = join(folder, "deno.json");
  await Deno.writeTextFile(path, JSON.stringify(await configWithStubs()));
  const replaced = [
    "--config",
    path,
    "--lock",
    join(ROOT, "deno.lock"),
    "--frozen",
  ];
  const at = fromSource.manager.indexOf("--config");
  return {
    ...fromSource,
    manager: fromSource.manager.toSpliced(at, 2, ...replaced),
  };
}

async function configWithStubs() {
  const { imports, compilerOptions } = JSON.parse(
    await Deno.readTextFile(join(ROOT, "deno.json")),
  ) as { imports: Record<string, string>; compilerOptions: unknown };
  const absolute = Object.entries(imports).map(([name, to]) => [
    name,
    to.startsWith("./") ? urlOf(to) : to,
  ]);
  const stubs = Object.entries(STUBS)
    .map(([module, stub]) => [urlOf(module), urlOf(stub)] as const);
  return {
    compilerOptions,
    imports: { ...Object.fromEntries(absolute), ...Object.fromEntries(stubs) },
    // A stub may build on the module that it replaces.
    scopes: Object.fromEntries(
      stubs.map(([module, stub]) => [stub, { [module]: module }]),
    ),
  };
}

function urlOf(path: string): string {
  return toFileUrl(join(ROOT, path)).href;
}
