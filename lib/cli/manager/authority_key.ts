import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { CA_KEY_FLAG, readAuthorityKey } from "./authority_key_flag.ts";
import { time } from "./json_values.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

/** `ca renew --ca-key FILE`: issues the certificate of the server by a key that the Manager does not have. */
export const renew = defineSubcommand({
  name: "renew",
  summary: "renew the certificate by a key that is kept elsewhere",
  positionals: {},
  flags: CA_KEY_FLAG,
  more: [{
    title: "The key",
    lines: [
      ["comes from", "piri-manager ca export --to FILE --remove"],
      ["stays here", "the Manager gets the new certificate, not the key"],
      [
        "not needed",
        "while ca.key is in the Manager's folder: it renews itself",
      ],
    ],
  }],
  examples: [
    "--ca-key /media/usb/ca.key",
    "--ca-key ca.key.age --identity me.txt",
  ],
  async execute({ flags, dir, output, terminal }, services: ManagerServices) {
    const authorityKey = await readAuthorityKey(flags, terminal);
    if (authorityKey === undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        "Cannot renew the certificate: give the authority's key by --ca-key FILE; a Manager that has it in its folder renews the certificate by itself",
      );
    }
    using control = await services.connect(dir);
    const { certificate, authority, names } = await control.keys
      .getCertificate({});
    const { expiresAtMs } = await control.keys.replaceCertificate({
      certificate: await services.issueCertificate({
        authorityKey,
        authority,
        certificate,
        names,
      }),
      requestedBy: userOf(terminal),
    });
    await output.either(
      { expiresAt: time(expiresAtMs), names },
      `the certificate is good until ${
        output.fullTime(expiresAtMs)
      }; connections stay`,
    );
    return ExitCode.ok;
  },
});

/** `ca export --to FILE`: writes the key of the authority to a file. */
export const exportAuthority = defineSubcommand({
  name: "export",
  summary: "write the authority's key to a file",
  positionals: {},
  flags: {
    to: {
      type: "string",
      value: "FILE",
      summary: "file that does not exist, outside of the Manager's folder",
    },
    recipient: {
      type: "repeated",
      value: "AGE1",
      summary: "encrypt it for this public key of age",
    },
    remove: {
      type: "boolean",
      summary:
        "take it away from the Manager's folder, once the file is written",
    },
  },
  hints: {
    output: "for the file: --to FILE",
    out: "for the file: --to FILE",
  },
  examples: [
    "--to /media/usb/ca.key --remove",
    "--to ca.key.age --recipient age1ql3z7hj... --remove",
  ],
  async execute(
    { flags: { to, recipient, remove }, stateDir, output },
    services: ManagerServices,
  ) {
    if (to === undefined) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        "Cannot export the authority's key: name a file by --to FILE",
      );
    }
    await services.exportAuthority(stateDir, {
      to,
      recipients: recipient,
      remove,
    });
    const state = remove
      ? "the Manager has it no more, and cannot renew its certificate by itself: run piri-manager ca renew --ca-key FILE when it says so, within 90 days"
      : "the Manager has it, too";
    await output.either(
      { file: to, encrypted: recipient.length > 0, removed: remove },
      `the authority's key is in ${to}; ${state}`,
    );
    await output.note(
      recipient.length > 0
        ? "Keep it apart from the Manager. Backups and snapshots from before still have it"
        : "Whoever has this file can pass for the Manager towards operators: keep it off line. Backups and snapshots from before still have it",
    );
    return ExitCode.ok;
  },
});
