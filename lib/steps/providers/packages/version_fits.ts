import type { PackageManager } from "./package_manager.ts";

/** True if a version is the wanted one, which may have `*` for any characters in it. */
export function fits(
  version: string,
  wanted: string,
  { forms }: Pick<PackageManager, "forms">,
): boolean {
  const named = [version, ...forms?.(version) ?? []];
  if (!wanted.includes("*")) return named.includes(wanted);
  const parts = wanted.split("*").map((part) =>
    part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  const pattern = new RegExp(`^${parts.join(".*")}$`);
  return named.some((each) => pattern.test(each));
}
