import { protection, type Threat } from "./threat.ts";

const TESTS = "tests/agent/update/update_test.ts";

/** Name of a test of a refusal, and its text in the file. */
function refused(what: string): readonly [string, string, string] {
  return [TESTS, `an update ${what} switches nothing`, what];
}

/** Threats to the programs of agents. */
export const UPDATE_THREATS: readonly Threat[] = [
  {
    number: 20,
    who: "who wants another agent on a host",
    protections: [
      protection(
        "the signature of a release",
        [
          "lib/update/manifest.ts",
          "  verifyMinisign(bytes, signature, keys);\n",
          "  void [verifyMinisign, signature, keys];\n",
        ],
        refused("by a key that is not known"),
      ),
      protection(
        "the highest floor",
        [
          "lib/agent/update/refusals.ts",
          "if (floor !== undefined && compareVersions(version, floor) < 0) {",
          "if (floor === version) {",
        ],
        refused("below the highest floor that was seen"),
      ),
      protection(
        "the owner's word",
        [
          "lib/agent/update/refusals.ts",
          "if (!isAllowed()) {",
          "if (isAllowed === undefined) {",
        ],
        refused("that the owner of the host forbids"),
      ),
      protection(
        "releases for those that are updated alone",
        [
          "lib/manager/releases/release_requests.ts",
          "if (!isMeant) {",
          'if (!isMeant && version === "") {',
        ],
        [
          "tests/manager/releases/releases_test.ts",
          "an agent reads the release that an open command updates it to, and no other",
        ],
      ),
    ],
    open: [],
  },
];
