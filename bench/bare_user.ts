import { run } from "../scripts/build/run.ts";

/** A user whose shell reads no files of its own, which would slow down the baseline. */
export interface BareUser extends AsyncDisposable {
  readonly name: string;
}

/** Makes a user of the system for the time of a bench, which takes root. Without root, only the own user can log in. */
export async function bareUser(): Promise<BareUser> {
  if (Deno.uid() !== 0) {
    return {
      name: (await run(["id", "-un"])).trim(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const name = `piri-bench-${Deno.pid}`;
  // No password matches "*". A locked account could not log in by key either.
  const account = ["--home-dir", "/", "--shell", "/bin/sh", "--password", "*"];
  await run(["useradd", "--system", ...account, name]);
  return {
    name,
    async [Symbol.asyncDispose]() {
      await run(["userdel", name]);
    },
  };
}
