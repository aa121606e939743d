/** A user who is neither root nor one who runs tests. */
export const STRANGER = 65_534;

/** True if this process may give files to another user. */
const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;

/** Registers a test that gives files to another user, which only root may do. */
export function ownerTest(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: isRoot ? name : `${name} (ignored: only root may give files away)`,
    ignore: !isRoot,
    fn,
  });
}
