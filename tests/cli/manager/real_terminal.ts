import { connectControl } from "../../../lib/api/client.ts";
import { systemClock } from "../../../lib/base/clock.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import type { ManagerServices } from "../../../lib/cli/manager/services.ts";
import type { Terminal } from "../../../lib/cli/terminal.ts";
import { FakeTerminal, type Surroundings } from "../fake_terminal.ts";

/** Services for the subcommands that need a served API, and no others. */
export const SERVED: ManagerServices = {
  asWindowsService: () => Promise.reject(new TypeError("not here")),
  init: () => Promise.reject(new TypeError("not here")),
  serve: () => Promise.reject(new TypeError("not here")),
  serveBriefly: () => Promise.reject(new TypeError("not here")),
  backUp: () => Promise.reject(new TypeError("not here")),
  exportIdentity: () => Promise.reject(new TypeError("not here")),
  exportAuthority: () => Promise.reject(new TypeError("not here")),
  authorityCertificate: () => Promise.reject(new TypeError("not here")),
  issueCertificate: () => Promise.reject(new TypeError("not here")),
  connect: connectControl,
  connectTo: () => Promise.reject(new TypeError("not here")),
  ciToken: () => Promise.reject(new TypeError("not here")),
  states: () => Promise.reject(new TypeError("not here")),
  redpepper: () => Promise.reject(new TypeError("not here")),
  stateSchema: () => Promise.reject(new TypeError("not here")),
  remoteShell: () => Promise.reject(new TypeError("not here")),
  service: () => Promise.reject(new TypeError("not here")),
  guard: () => Promise.reject(new TypeError("not here")),
};

/** A terminal in memory, on real time, since the test waits for real sockets. */
export function realTimeTerminal(
  surroundings: Surroundings = {},
): { terminal: Terminal; fake: FakeTerminal } {
  const fake = new FakeTerminal(surroundings);
  return {
    fake,
    terminal: {
      stdout: fake.stdout,
      stderr: fake.stderr,
      isOutputClosed: () => fake.isOutputClosed(),
      columns: fake.columns,
      clock: systemClock,
      random: systemRandom,
      env: (name) => fake.env(name),
      readStdin: () => fake.readStdin(),
      readFile: (path) => fake.readFile(path),
      openInput: (path) => fake.openInput(path),
      scratch: () => fake.scratch(),
      files: fake.files,
      hangUpEnds: fake.hangUpEnds,
      hasKeyboard: fake.hasKeyboard,
      onKey: (callback) => fake.onKey(callback),
      onSignal: (signal, callback) => fake.onSignal(signal, callback),
    },
  };
}
