import type { ConnectRouter } from "@connectrpc/connect";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type FinishRotationRequest,
  KeysService,
  type RotatedKey,
  RotatedKeySchema,
  type StartRotationRequest,
} from "../../proto/gen/piri/control/v1/control_pb.ts";

/** A key of the Manager, as it tells it. */
export function aKey(
  given: MessageInitShape<typeof RotatedKeySchema> = {},
): RotatedKey {
  return create(RotatedKeySchema, { fingerprint: "SHA256:now", ...given });
}

/** Keys of a fake Manager, and what was asked about them. */
export class FakeKeys {
  authority = aKey({ expiresAtMs: 4_102_444_800_000n });
  manager = aKey({ fingerprint: "SHA256:key" });
  leftBehind: string[] = [];
  readonly started: StartRotationRequest[] = [];
  readonly finished: FinishRotationRequest[] = [];

  hasAuthorityKey = true;
  hasNextAuthorityKey = true;
  /** Certificate of the next authority. */
  nextAuthority = "";
  /** Certificates that were given to the Manager. */
  readonly certificates: string[] = [];

  /** Adds the service to those of the Manager. */
  add(router: ConnectRouter): void {
    router.service(KeysService, {
      getKeys: () => ({
        authority: this.authority,
        manager: this.manager,
        hasAuthorityKey: this.hasAuthorityKey,
        hasNextAuthorityKey: this.hasNextAuthorityKey,
      }),
      getCertificate: () => ({
        certificate: "certificate",
        authority: "authority",
        nextAuthority: this.nextAuthority,
        names: ["mgr.example.org"],
      }),
      replaceCertificate: ({ certificate }) => {
        this.certificates.push(certificate);
        return { expiresAtMs: 4_102_444_800_000n };
      },
      startRotation: (request) => {
        this.started.push(request);
        return { key: this.authority };
      },
      finishRotation: (request) => {
        this.finished.push(request);
        return { key: this.authority, leftBehind: this.leftBehind };
      },
    });
  }
}
