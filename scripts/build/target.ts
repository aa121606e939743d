import { PiriError } from "../../lib/base/errors.ts";

/** A kind of machine that executables are made for. */
export interface Target {
  /** As in the names of released files. */
  readonly name: string;
  /** As `deno compile --target` calls it. */
  readonly triple: string;
  /** What the names of its programs end in. */
  readonly suffix: "" | ".exe";
}

/** What is released. */
export const targets: readonly Target[] = [
  { name: "linux-x64", triple: "x86_64-unknown-linux-gnu", suffix: "" },
  { name: "linux-arm64", triple: "aarch64-unknown-linux-gnu", suffix: "" },
  { name: "macos-x64", triple: "x86_64-apple-darwin", suffix: "" },
  { name: "macos-arm64", triple: "aarch64-apple-darwin", suffix: "" },
  { name: "windows-x64", triple: "x86_64-pc-windows-msvc", suffix: ".exe" },
];

/**
 * The target that this machine is.
 *
 * @throws {PiriError} UNSUPPORTED
 */
export function hostTarget(): Target {
  const target = targets.find(({ triple }) => triple === Deno.build.target);
  if (target === undefined) {
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot build on ${Deno.build.target}: Deno has no runtime base for it`,
    );
  }
  return target;
}

/**
 * The target of that name.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function targetNamed(name: string): Target {
  const target = targets.find((each) => each.name === name);
  if (target === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot build for "${name}": there are ${
        targets.map(({ name }) => name).join(", ")
      }`,
    );
  }
  return target;
}
