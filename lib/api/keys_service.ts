import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  KeyKind,
  KeysService,
  type RotatedKey,
  RotatedKeySchema,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { KeyKind as Kind, KeyView } from "../manager/api/keys_api.ts";
import type { Manager } from "../manager/api/operator_api.ts";
import { invalid, requireText, saidIn } from "./checks.ts";
import type { Proofs } from "./proofs.ts";
import { milliseconds, timestamp } from "./values.ts";

const KINDS: ReadonlyMap<KeyKind, Kind> = new Map([
  [KeyKind.AUTHORITY, "authority"],
  [KeyKind.MANAGER, "manager"],
]);

/** Longest certificate, in characters. */
const MAX_CERTIFICATE = 65_536;

/** Serves the KeysService. */
export function addKeysService(
  router: ConnectRouter,
  { keys }: Manager,
  proofs: Proofs,
): void {
  router.service(KeysService, {
    async getKeys() {
      const { authority, manager } = await keys.view();
      return {
        authority: keyMessage(authority),
        manager: keyMessage(manager),
        hasAuthorityKey: await keys.hasAuthorityKey(),
        hasNextAuthorityKey: await keys.hasNextAuthorityKey(),
      };
    },
    async startRotation(request, context) {
      const kind = kindOf(request.kind);
      const given = certificateIn(request, "authority", kind);
      const asker = await proofs.asker(context, saidIn(request));
      return { key: keyMessage(await keys.start(kind, asker, given)) };
    },
    async finishRotation(request, context) {
      const kind = kindOf(request.kind);
      const without = request.without
        .map((name) => requireText("without", name));
      const given = certificateIn(request, "certificate", kind);
      const asker = await proofs.asker(context, saidIn(request));
      const end = await keys.finish(kind, without, asker, given);
      return { key: keyMessage(end.key), leftBehind: [...end.leftBehind] };
    },
    async getCertificate() {
      const { certPem, authorityPem, nextAuthorityPem, names } = await keys
        .certificate();
      return {
        certificate: certPem,
        authority: authorityPem,
        nextAuthority: nextAuthorityPem ?? "",
        names: [...names],
      };
    },
    async replaceCertificate(request, context) {
      const { certificate } = request;
      requireSize("certificate", certificate);
      const asker = await proofs.asker(context, saidIn(request));
      const expiresAt = await keys.replaceCertificate(certificate, asker);
      return { expiresAtMs: milliseconds(expiresAt) };
    },
  });
}

/** Certificate that a request brings along for a rotation; undefined if it brings none. */
function certificateIn<Name extends string>(
  request: Readonly<Record<Name, string>>,
  name: Name,
  kind: Kind,
): string | undefined {
  const given = request[name];
  if (given === "") return undefined;
  if (kind !== "authority") {
    throw invalid(name, "it is only for the rotation of the authority");
  }
  requireSize(name, given);
  return given;
}

function requireSize(name: string, { length }: string): void {
  if (length <= MAX_CERTIFICATE) return;
  throw invalid(
    name,
    `it has ${length} characters, and the limit is ${MAX_CERTIFICATE}`,
  );
}

function kindOf(kind: KeyKind): Kind {
  const known = KINDS.get(kind);
  if (known !== undefined) return known;
  throw invalid("kind", "it is not a kind of key");
}

function keyMessage(key: KeyView): RotatedKey {
  return create(RotatedKeySchema, {
    fingerprint: key.fingerprint,
    nextFingerprint: key.nextFingerprint ?? "",
    trustedBy: key.trustedBy,
    missing: [...key.missing],
    ...timestamp("expiresAtMs", key.expiresAt ?? null),
  });
}
