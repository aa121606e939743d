import { PiriError } from "../../lib/base/errors.ts";

/** Kind of machine that executables are built for. */
export interface Target {
  /** Name as in the files of a release. */
  readonly name: string;
  /** Name for `deno compile --target`. */
  readonly triple: string;
  readonly os: typeof Deno.build.os;
  /** Suffix of its programs. */
  readonly suffix: "" | ".exe";
}

/** All targets of a release. */
export const targets: readonly Target[] = [
  {
    name: "linux-x64",
    triple: "x86_64-unknown-linux-gnu",
    os: "linux",
    suffix: "",
  },
  {
    name: "linux-arm64",
    triple: "aarch64-unknown-linux-gnu",
    os: "linux",
    suffix: "",
  },
  {
    name: "macos-x64",
    triple: "x86_64-apple-darwin",
    os: "darwin",
    suffix: "",
  },
  {
    name: "macos-arm64",
    triple: "aarch64-apple-darwin",
    os: "darwin",
    suffix: "",
  },
  {
    name: "windows-x64",
    triple: "x86_64-pc-windows-msvc",
    os: "windows",
    suffix: ".exe",
  },
];

/**
 * Target of this machine.
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
 * Finds a target by name.
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
