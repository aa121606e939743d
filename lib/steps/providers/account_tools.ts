import type { StepProgram } from "../host/host.ts";

/** Program with its arguments, which hold nothing secret. */
export type Tool = Pick<StepProgram, "stdin"> & {
  readonly argv: readonly string[];
};

export function tool(...argv: readonly string[]): Tool {
  return { argv };
}

/** Sets the hash of a password. It is no argument, which every user of the host could read. */
export function setHash(name: string, hash: string): Tool {
  return { argv: ["chpasswd", "-e"], stdin: `${name}:${hash}\n` };
}

/** User to make. */
export interface NewUser {
  readonly name: string;
  readonly home: string;
  readonly makesHome: boolean;
  readonly uid?: number | undefined;
  readonly shell?: string | undefined;
  readonly comment?: string | undefined;
  readonly system: boolean;
  /** True for a first group with its name, which is made with it. */
  readonly ownsGroup: boolean;
  /** First group, if it does not own one. */
  readonly group?: string | undefined;
  readonly groups: readonly string[];
}

/** Parts of a user to change. */
export interface UserChange {
  readonly uid?: number;
  readonly group?: string;
  readonly home?: string;
  readonly shell?: string;
  readonly comment?: string;
  readonly groups?: {
    readonly now: readonly string[];
    readonly wanted: readonly string[];
  };
}

/** Part of an account that is there, which not all tools can change. */
export type AccountPart =
  | keyof Omit<UserChange, "group" | "groups">
  | "first group"
  | "expires"
  | "gid";

/** Programs by which users and groups of a host are changed. */
export interface AccountTools {
  readonly name: "shadow" | "busybox";
  /** Parts that it has no program for. */
  readonly lacks: readonly AccountPart[];
  /** Choices that it makes by itself where a host has none of its own. */
  readonly defaults?: {
    readonly homeMode: number;
    readonly ownGroups: boolean;
  };
  addUser(user: NewUser): readonly Tool[];
  changeUser(name: string, change: UserChange): readonly Tool[];
  setHash(name: string, hash: string): Tool;
  lock(name: string, locked: boolean): Tool;
  /** @param day Day as 2030-01-31; empty for none */
  expire(name: string, day: string): readonly Tool[];
  removeUser(name: string, removesHome: boolean): Tool;
  addGroup(
    name: string,
    options: { readonly gid?: number | undefined; readonly system?: boolean },
  ): Tool;
  renumberGroup(name: string, gid: number): readonly Tool[];
  setMembers(
    name: string,
    members: {
      readonly now: readonly string[];
      readonly wanted: readonly string[];
    },
  ): readonly Tool[];
  removeGroup(name: string): Tool;
}
