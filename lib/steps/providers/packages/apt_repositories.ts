import { PiriError } from "../../../base/errors.ts";
import { NEUTRAL } from "./ask_manager.ts";
import type { RepositoryFiles } from "./package_manager.ts";

/** Repositories of apt, in files with fields (deb822). */
export const aptRepositories: RepositoryFiles = {
  pathOf: (name) => `/etc/apt/sources.list.d/${name}.sources`,
  keyPathOf: (name, isArmored) =>
    `/etc/apt/keyrings/${name}.${isArmored ? "asc" : "gpg"}`,
  textOf({ name, url, suites, components, enabled, keyPath }) {
    const isFlat = suites.some((suite) => suite.endsWith("/"));
    if (suites.length === 0 || isFlat === components.length > 0) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot set up repository "${name}": for apt give its suites, and components with them; a suite that ends with "/" takes none`,
      );
    }
    const fields = [
      ["Enabled", enabled ? "yes" : "no"],
      ["Types", "deb"],
      ["URIs", url],
      ["Suites", suites.join(" ")],
      ...isFlat ? [] : [["Components", components.join(" ")]],
      ...keyPath === undefined ? [] : [["Signed-By", keyPath]],
    ];
    return fields.map(([key, value]) => `${key}: ${value}\n`).join("");
  },
  refresh: (path) => ({
    argv: [
      "apt-get",
      "-q",
      "update",
      "-o",
      `Dir::Etc::sourcelist=${path}`,
      "-o",
      "Dir::Etc::sourceparts=/dev/null",
      // The lists of all other repositories stay.
      "-o",
      "APT::Get::List-Cleanup=0",
      "-o",
      "APT::Update::Error-Mode=any",
    ],
    cwd: "/",
    env: NEUTRAL,
  }),
};
